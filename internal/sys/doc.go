// Package sys has the names that the packages use of package syscall. They are those of
// syscall itself but on Plan 9, which has no error numbers: there programs that import
// lurcher compile, and poller.New returns an error.
package sys
