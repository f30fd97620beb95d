package sim

import (
	"bytes"
	"context"
	"encoding/binary"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/streams"
)

// framing stands in for the registry's: a zero byte, and a hash of the topic's name where the schema id would be.
type framing struct{}

// frameBytes is the length of the prefix, the same as the registry's.
const frameBytes = 5

// codeUndecodable is what the registry's framing says of bytes that it cannot take apart.
const codeUndecodable schemas.Code = "intake/undecodable"

// NewFraming returns the framing of all values here, for whoever runs the same processes on a broker without a registry.
func NewFraming() streams.Framing { return framing{} }

func (framing) Frame(topic string, b []byte) []byte {
	return binary.BigEndian.AppendUint32(append(b, 0), streams.Hash(topic))
}

func (f framing) Unframe(_ context.Context, topic string, framed []byte) ([]byte, error) {
	if prefix := f.Frame(topic, nil); !bytes.HasPrefix(framed, prefix) {
		return nil, &streams.Unreadable{Code: codeUndecodable, Reason: "the value does not begin as one of " + topic}
	}
	return framed[frameBytes:], nil
}

// Frame returns a value as it lies on a topic.
func Frame(topic string, value streams.Value) []byte {
	return value.AppendAvro(framing{}.Frame(topic, nil))
}

// Unframe returns the Avro payload of a value that lies on a topic, or an error that says that it is none.
func Unframe(topic string, framed []byte) ([]byte, error) {
	return framing{}.Unframe(context.Background(), topic, framed)
}
