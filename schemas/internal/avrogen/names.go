package main

import (
	"strings"
	"unicode"
)

// initialisms are the words that Go writes in capitals.
var initialisms = map[string]string{"id": "ID", "ids": "IDs", "url": "URL", "utc": "UTC", "uuid": "UUID", "sha": "SHA"}

// goName turns a name of a schema (camelCase, snake_case or SCREAMING_SNAKE) into an exported Go name.
func goName(name string) string {
	var b strings.Builder
	for _, word := range words(name) {
		if capitals, ok := initialisms[strings.ToLower(word)]; ok {
			b.WriteString(capitals)
			continue
		}
		if word == strings.ToUpper(word) {
			word = strings.ToLower(word)
		}
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return b.String()
}

// words splits a name at underscores and before each capital that follows a small letter or a digit, or that starts
// a word after an initialism.
func words(name string) []string {
	var all []string
	for _, part := range strings.Split(name, "_") {
		start := 0
		letters := []rune(part)
		for i := 1; i < len(letters); i++ {
			before, here := letters[i-1], letters[i]
			startsWord := unicode.IsUpper(before) && i+1 < len(letters) && unicode.IsLower(letters[i+1])
			if unicode.IsUpper(here) && (!unicode.IsUpper(before) || startsWord) {
				all = append(all, string(letters[start:i]))
				start = i
			}
		}
		if start < len(letters) {
			all = append(all, string(letters[start:]))
		}
	}
	return all
}
