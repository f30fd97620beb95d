// Package child runs operating-system processes that end with the one that started them: brokers, registries, and the instances that
// drills kill.
package child
