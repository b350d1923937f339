//go:build !race && !lurcherdebug

package ws

const debugging = false

func poison([]byte) {}
