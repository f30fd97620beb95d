// Package contract guards the promises that the topics make to those who write and read them.
//
// Check says whether a schema may follow another. Every schema registry accepts changes that alter what stored bytes
// mean: another scale of a decimal, microseconds for milliseconds, a logical type dropped. Check refuses them.
//
// The lock file keeps, for every topic, the settings and the schema that were released last. Verify compares it with
// the tree, so a forbidden change shows in a test, without a registry and without the history of the repository.
//
// A Resolver turns bytes of another version of a schema, or of a stranger's, into bytes of ours.
package contract
