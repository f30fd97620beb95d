// Package accountant has the sums of a long random run done again by hledger, a program for plain-text accounting that shares nothing with Penstock.
package accountant
