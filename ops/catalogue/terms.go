package main

import (
	"fmt"
	"strings"
)

// term is what a value is counted in, and one value as an example, as it is shown to people.
type term struct{ unit, example string }

// nouns are the terms of the types that have a name of their own.
func nouns() map[string]term {
	return map[string]term{
		"AssetCode":        {"code of an asset, GBP for cash", "AAPL"},
		"SourceID":         {"name of a sender", "portal"},
		"PotID":            {"id of a pot", "pot-000001"},
		"CustodianID":      {"name of a custodian", "HARBOUR"},
		"InstructionID":    {"the sender's id", "buy-1"},
		"PathCode":         {"code of a glide path", "LIFESTYLE"},
		"Code":             {"frozen code", "pot/cash-not-available"},
		"Account":          {"code of an account", "pot:available"},
		"Price":            {"pounds per unit, 8 decimals", "133.27000000"},
		"Quantity":         {"pounds or units, 6 decimals", "0.750300"},
		"Weight":           {"parts of 1, 6 decimals", "0.500000"},
		"Units":            {"quanta of the asset", "7503"},
		"timestamp-millis": {"milliseconds since 1970, UTC", "1206003600000 (2008-03-20 09:00:00)"},
		"date":             {"days since 1970", "13958 (2008-03-20)"},
		"uuid":             {"UUID", "d29b285a-7bb8-51a3-b0e1-14e204eb2a48"},
	}
}

// names are the terms of fields whose type says nothing of them, each once; a field that means something else in one record stands there with the record's name, too.
func names() map[string]term {
	quanta, name := func(example string) term { return term{"quanta", example} }, func(example string) term { return term{"name", example} }
	number, words := func(example string) term { return term{"number", example} }, func(example string) term { return term{"words for people", example} }
	id, factor := func(example string) term { return term{"id", example} }, func(example string) term { return term{"factor", example} }
	decimals, days := term{"decimals", "4"}, func(example string) term { return term{"days", example} }
	return map[string]term{
		"compensation": quanta("0"), "given": quanta("10000"), "givenBefore": quanta("0"), "givenThrough": quanta("10000"), "got": quanta("7503"),
		"gotBefore": quanta("0"), "gotThrough": quanta("7503"), "leastReserved": quanta("5000"), "leastWeight": quanta("10000"), "rounding": quanta("3"),
		"wasGiven": quanta("10000"), "wasGot": quanta("7503"), "weight": quanta("10000"), "weightBefore": quanta("0"), "weightThrough": quanta("10000"),
		"intoScale": decimals, "scale": decimals, "unitsScale": decimals, "priceScale": decimals,
		"backdatingDays": days("90"), "reviewDays": days("5"), "days": days("31"),
		"years": {"whole years", "10"}, "settlementLag": {"business days", "2"}, "cutOffMinute": {"minutes after midnight", "720 (12:00)"},
		"sellCashMaxBps": {"hundredths of a percent", "9500"}, "quantityDigits": {"digits", "10"}, "collectionDay": {"day of the month", "1"}, "size": {"bytes", "412"},
		"before": {"orders", "0"}, "orders": {"orders", "1181"}, "open": {"pots", "0"}, "remaining": {"records", "0"}, "position": {"records", "0"},
		"leg": number("1"), "piece": number("1"), "priceVersion": number("1"), "version": number("2"), "round": number("1"), "event": number("7"),
		"sequence": number("104"), "shard": number("3"), "partition": number("3"), "offset": {"offset", "4711"}, "drop": {"offset", "4711"},
		"numerator": factor("2"), "denominator": factor("1"),
		"calendar": name("NEW-YORK-SHARES"), "currencyCalendar": name("NEW-YORK-SHARES"), "platformCalendar": name("XLON"), "name": name("Harbour Custody"),
		"process": name("pot"), "rule": name("allocation"), "topic": name("ingest.instruction.v1"), "zone": name("Europe/London"),
		"stage": name("reserved"), "Trade.event": name("priced"), "policy": name("floor-and-box/1"), "rules": name("pot/5"),
		"RuleActivated.version": name("floor-and-box/2"), "RuleActivation.version": name("floor-and-box/2"),
		"cause": id("buy-1"), "confirmation": id("fill-1"), "id": id("buy-1"), "key": id("pot-000001"), "told": id("d29b285a-7bb8-51a3-b0e1-14e204eb2a48"),
		"settledTold": id("d29b285a-7bb8-51a3-b0e1-14e204eb2a48"), "payee": id("payee-7"), "receiver": id("scheme-9"), "reference": id("TRF-2008-0001"),
		"reason": words("the fund is suspended for the day"), "refusal": words("nothing is parked under this key"),
	}
}

// particular are the terms of fields that say more than the type that they have: by record and name, or by name.
func particular() map[string]term {
	return map[string]term{"InstructionStatus.state": {"state", "accepted"}, "operator": {"name of an operator", "sam"}}
}

// termOf says what a field of a record is counted in.
func termOf(of *record, f *field) (term, error) {
	base := of.name[strings.LastIndexByte(of.name, '.')+1:]
	for _, key := range []string{base + "." + f.name, f.name} {
		if t, ok := particular()[key]; ok {
			return t, nil
		}
	}
	switch {
	case f.kind.avro == "record":
		if len(f.kind.records) == 1 {
			return term{links(f.kind.records), ""}, nil
		}
		return term{"one of " + links(f.kind.records), ""}, nil
	case f.kind.avro == "enum":
		return term{"one of " + strings.Join(f.kind.symbols, ", "), f.kind.symbols[0]}, nil
	case f.kind.avro == "fixed":
		return fixedTerm(f.kind), nil
	case f.kind.avro == "boolean":
		return term{"true or false", "true"}, nil
	case f.kind.noun == "Money" && f.kind.avro == "long":
		return term{"pence", "10000"}, nil
	case f.kind.noun == "Money":
		return term{"pounds, 2 decimals", "100.00"}, nil
	case f.kind.noun != "":
		if t, ok := nouns()[f.kind.noun]; ok {
			return t, nil
		}
		return term{}, fmt.Errorf("%s.%s: nouns has no term for %s", base, f.name, f.kind.noun)
	}
	for _, key := range []string{base + "." + f.name, f.name} {
		if t, ok := names()[key]; ok {
			return t, t.fits(f.kind.avro, base+"."+f.name)
		}
	}
	return term{}, fmt.Errorf("%s.%s: names has no term for it: say in terms.go what it is counted in", base, f.name)
}

// fixedTerm: what is 16 bytes is an id unless it is a salt, what is 32 is a hash.
func fixedTerm(k kind) term {
	switch {
	case k.size == uuidBytes && !strings.HasSuffix(k.noun, "Salt"):
		return term{"UUID in 16 bytes", "d29b285a-7bb8-51a3-b0e1-14e204eb2a48"}
	case k.size == hashBytes:
		return term{"SHA-256, 32 bytes", "9f86d081…"}
	}
	return term{fmt.Sprintf("%d bytes", k.size), "3c21a0f7…"}
}

const uuidBytes, hashBytes = 16, 32

// fits says whether a value of the type can be what the term says: two records may have a field of one name that is text in one and a number in the other.
func (t term) fits(avro, place string) error {
	text := t.unit == "name" || t.unit == "id" || t.unit == "words for people"
	if text != (avro == "string") {
		return fmt.Errorf("%s is of type %s, its term says %q: give it one of its own in terms.go", place, avro, t.unit)
	}
	return nil
}
