//go:build !race && !lurcherdebug

package nethttp

const debugBuild = false
