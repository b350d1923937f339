//go:build !unix && !windows

package nethttp

import (
	"errors"
	"os"
)

// reopen is missing: the file is read and written instead.
func reopen(*os.File) (*os.File, error) { return nil, errors.ErrUnsupported }
