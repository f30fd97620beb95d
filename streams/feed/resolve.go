package feed

import "github.com/penstock-ledger/penstock/schemas/contract"

// Resolve returns the function that brings a payload of the writer's schema to the reader's, both given as Avro schema
// text. An error of Resolve says that the schemas do not fit; an error of the function that the payload is not of the writer's.
type Resolve func(writer, reader string) (func(payload []byte) ([]byte, error), error)

// ByContract is the Resolve of production: besides what Avro refuses, it refuses schemas under which the same bytes would mean
// another amount, date or time.
func ByContract(writer, reader string) (func([]byte) ([]byte, error), error) {
	resolver, err := contract.NewResolver(writer, reader)
	if err != nil {
		return nil, err
	}
	if resolver.Identity() {
		return func(payload []byte) ([]byte, error) { return payload, nil }, nil
	}
	return func(payload []byte) ([]byte, error) {
		return resolver.Convert(make([]byte, 0, len(payload)), payload)
	}, nil
}
