//go:build !unix && !windows

// What differs between systems, where there is neither Unix nor Windows.

package nethttp

import (
	"errors"
	"os"
)

// reopen is missing: the file is read and written instead.
func reopen(*os.File) (*os.File, error) { return nil, errors.ErrUnsupported }
