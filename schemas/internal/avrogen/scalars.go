package main

import (
	"fmt"
	"strconv"

	"github.com/penstock-ledger/penstock/schemas/avrobin"
)

// nouns is the package that named Go types come from.
const nouns = "schemas."

// textTypes are the Go types that a string can be.
var textTypes = map[string]bool{
	"PotID": true, "AssetCode": true, "SourceID": true, "InstructionID": true, "CustodianID": true, "PathCode": true, "Account": true, "Code": true,
}

// decimalScales are the Go types that a decimal can be, with the scale that their quanta have.
var decimalScales = map[string]int{"Money": 2, "Price": 8, "Weight": 6, "Quantity": 6}

// countTypes are the Go types that a plain long can be, in records that only we read.
var countTypes = map[string]bool{"Money": true, "Units": true}

// primitive reads a primitive type with its logical type and Go type.
func (p *parser) primitive(path, name string, v value) (*avroType, error) {
	logical, goType := v.str("logicalType"), v.str("goType")
	switch name {
	case "string":
		return textType(path, logical, goType)
	case "long":
		return longType(path, logical, goType)
	case "int":
		return intType(path, logical, goType)
	case "bytes":
		return bytesType(path, logical, goType, v)
	case "float", "double":
		return nil, fmt.Errorf("%s: %s: no floats, quantities are decimals", path, name)
	case "boolean":
		if logical == "" && goType == "" {
			return scalar(boolKind, "bool"), nil
		}
	}
	return nil, unsupported(path, name, logical, goType)
}

func textType(path, logical, goType string) (*avroType, error) {
	switch {
	case logical == "uuid" && (goType == "" || goType == "ID"):
		return scalar(uuidKind, nouns+"ID"), nil
	case logical == "" && goType == "":
		return scalar(stringKind, "string"), nil
	case logical == "" && textTypes[goType]:
		return scalar(stringKind, nouns+goType), nil
	}
	return nil, unsupported(path, "string", logical, goType)
}

func longType(path, logical, goType string) (*avroType, error) {
	switch {
	case logical == "timestamp-millis" && (goType == "" || goType == "Instant"):
		return scalar(longKind, nouns+"Instant"), nil
	case logical == "" && goType == "":
		return scalar(longKind, "int64"), nil
	case logical == "" && countTypes[goType]:
		return scalar(longKind, nouns+goType), nil
	}
	return nil, unsupported(path, "long", logical, goType)
}

func intType(path, logical, goType string) (*avroType, error) {
	switch {
	case logical == "date" && (goType == "" || goType == "Date"):
		return scalar(intKind, nouns+"Date"), nil
	case logical == "" && goType == "":
		return scalar(intKind, "int32"), nil
	}
	return nil, unsupported(path, "int", logical, goType)
}

func bytesType(path, logical, goType string, v value) (*avroType, error) {
	if logical == "" && goType == "" {
		return scalar(bytesKind, "[]byte"), nil
	}
	want, known := decimalScales[goType]
	if logical != "decimal" || !known {
		return nil, unsupported(path, "bytes", logical, goType)
	}
	scale, err := number(v, "scale")
	if err != nil || scale != want {
		return nil, fmt.Errorf("%s: scale is %d, but %s counts quanta of scale %d", path, scale, goType, want)
	}
	precision, err := number(v, "precision")
	if err != nil || precision < max(scale, 1) || precision > avrobin.PrecisionMax {
		return nil, fmt.Errorf("%s: precision %d is not between the scale and %d", path, precision, avrobin.PrecisionMax)
	}
	t := scalar(decimalKind, nouns+goType)
	t.precision = precision
	return t, nil
}

func scalar(k kind, goName string) *avroType {
	return &avroType{kind: k, goName: goName, complete: true}
}

func number(v value, name string) (int, error) {
	m, _ := v.get(name)
	return strconv.Atoi(m.text)
}

func unsupported(path, name, logical, goType string) error {
	return fmt.Errorf("%s: no Go type for %s with logicalType %q and goType %q", path, name, logical, goType)
}
