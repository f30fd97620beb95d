package main

import "fmt"

// counter names the loop variables, which must differ at each depth of arrays.
func counter(depth int) string {
	return fmt.Sprintf("i%d", depth)
}

// encode writes the statements that append the value of from.
func (w *writer) encode(t *avroType, from string, depth int) {
	switch t.kind {
	case boolKind:
		w.line("b = avrobin.AppendBool(b, %s)", from)
	case intKind, longKind:
		w.line("b = avrobin.AppendLong(b, %s)", convert("int64", w.spell(t), from))
	case stringKind:
		w.line("b = avrobin.AppendString(b, %s)", convert("string", w.spell(t), from))
	case bytesKind:
		w.line("b = avrobin.AppendBytes(b, %s)", from)
	case decimalKind:
		w.line("b = avrobin.AppendDecimal(b, int64(%s), %d)", from, t.precision)
	case uuidKind:
		w.line("b = avrobin.AppendUUID(b, %s)", from)
	case fixedKind:
		w.line("b = append(b, %s[:]...)", from)
	case enumKind:
		w.line("b = %s.AppendAvro(b)", from)
	case recordKind:
		w.line("b = %s.AppendAvro(b)", from)
	case arrayKind:
		w.line("b = avrobin.AppendBlock(b, len(%s))", from)
		w.line("for %s := range %s {", counter(depth), from)
		w.encode(t.element, from+"["+counter(depth)+"]", depth+1)
		w.line("}\nb = avrobin.EndBlocks(b)")
	case optionalKind:
		w.line("if %s == nil {\nb = avrobin.AppendIndex(b, 0)\n} else {\nb = avrobin.AppendIndex(b, 1)", from)
		w.encode(t.element, "(*"+from+")", depth)
		w.line("}")
	case unionKind:
		w.encodeUnion(t, from)
	}
}

func (w *writer) encodeUnion(t *avroType, from string) {
	w.line("switch branch := %s.(type) {", from)
	if t.nullable {
		w.line("case nil:\nb = avrobin.AppendIndex(b, 0)")
	}
	for _, c := range t.branches {
		w.line("case *%s:\nb = avrobin.AppendIndex(b, %d)\nb = branch.AppendAvro(b)", c.record.goName, c.index)
	}
	w.line("default:\npanic(%q)\n}", t.goName+" is not set")
}

// decode writes the statements that read a value into to.
func (w *writer) decode(t *avroType, to string, depth int) {
	switch t.kind {
	case boolKind:
		w.line("%s = r.Bool()", to)
	case intKind:
		w.line("%s = %s", to, convert(w.spell(t), "int32", "r.Int()"))
	case longKind:
		w.line("%s = %s", to, convert(w.spell(t), "int64", "r.Long()"))
	case stringKind:
		w.line("%s = %s", to, convert(w.spell(t), "string", "r.String()"))
	case bytesKind:
		w.line("%s = r.Bytes()", to)
	case decimalKind:
		w.line("%s = %s(r.Decimal(%d))", to, w.spell(t), t.precision)
	case uuidKind:
		w.line("%s = r.UUID()", to)
	case fixedKind:
		w.line("r.Fixed(%s[:])", to)
	case enumKind:
		w.line("%s = %s(r.Enum(%d))", to, w.spell(t), len(t.symbols))
	case recordKind:
		w.line("%s.DecodeAvro(r)", to)
	case arrayKind:
		w.decodeArray(t, to, depth)
	case optionalKind:
		w.line("if r.Union(2) == 1 {\n%s = new(%s)", to, w.spell(t.element))
		w.decode(t.element, "(*"+to+")", depth)
		w.line("} else {\n%s = nil\n}", to)
	case unionKind:
		w.decodeUnion(t, to)
	}
}

// decodeArray reads all blocks of an array. Each block says how many items it has, which the reader has checked
// against the bytes that are left, so making room for them at once is safe.
func (w *writer) decodeArray(t *avroType, to string, depth int) {
	i, n := counter(depth), fmt.Sprintf("n%d", depth)
	block := fmt.Sprintf("r.Block(%d)", t.element.minBytes())
	w.line("%s = nil", to)
	w.line("for %s := %s; %s > 0; %s = %s {", n, block, n, n, block)
	w.line("%s := len(%s)", i, to)
	w.line("%s = append(%s, make(%s, %s)...)", to, to, w.spell(t), n)
	w.line("for ; %s < len(%s); %s++ {", i, to, i)
	w.decode(t.element, to+"["+i+"]", depth+1)
	w.line("}\n}")
}

func (w *writer) decodeUnion(t *avroType, to string) {
	count := len(t.branches)
	if t.nullable {
		count++
	}
	w.line("switch r.Union(%d) {", count)
	for _, c := range t.branches {
		w.line("case %d:\nbranch := new(%s)\nbranch.DecodeAvro(r)\n%s = branch", c.index, c.record.goName, to)
	}
	w.line("default:\n%s = nil\n}", to)
}

// convert writes a conversion where the types differ.
func convert(to, from, expression string) string {
	if to == from {
		return expression
	}
	return to + "(" + expression + ")"
}
