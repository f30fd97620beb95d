// Package parked folds the history of parked keys, as it stands on audit.parked.v1, to what is parked now. It asks no instance: whoever can read the
// topic knows of all of them.
package parked
