//go:build race || lurcherdebug

package conn_test

const raceEnabled = true
