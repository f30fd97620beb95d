// Package tidy keeps the house: it reads the whole tree and tests the rules that a reviewer would otherwise have to remember.
//
//	files -> Load -> Tree -> each Rule -> findings -> less the waivers -> test failures
//
// A rule is a pure function of the tree, so each is tested on a bad example as well as on the tree itself. Every finding says
// where it is and what to do. What cannot be mended at once is waived in waivers.txt, by path and with a reason; a waiver that
// is no longer needed is a finding too, so the list can only shrink.
package tidy
