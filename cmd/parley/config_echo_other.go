//go:build !unix || aix || solaris

package main

// hide cannot be done here.
func hide(int) (show func(), ok bool) { return func() {}, false }
