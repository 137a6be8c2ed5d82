package embedded

import (
	"os"

	"golang.org/x/sys/windows"
)

// What the system says: of an address that somebody has, and of a disk that cannot be written.
// https://learn.microsoft.com/en-us/windows/win32/debug/system-error-codes
var (
	errInUse = error(windows.WSAEADDRINUSE)
	errsDisk = []error{
		windows.ERROR_DISK_FULL, windows.ERROR_HANDLE_DISK_FULL, windows.ERROR_DISK_QUOTA_EXCEEDED, windows.ERROR_WRITE_PROTECT,
		windows.ERROR_CRC, windows.ERROR_IO_DEVICE, os.ErrPermission,
	}
)
