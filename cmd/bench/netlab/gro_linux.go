package netlab

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ethtool is a struct ifreq that points at a struct ethtool_value (linux/ethtool.h): `ethtool -K` without ethtool.
type ethtool struct {
	device [unix.IFNAMSIZ]byte
	value  *ethtoolValue
	_      [16]byte
}

type ethtoolValue struct{ command, data uint32 }

// disableGRO has a device hand on datagrams as they came: generic receive offload would join them.
func disableGRO(device string) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	defer func() { _ = unix.Close(fd) }() // nothing was written
	request := ethtool{value: &ethtoolValue{command: unix.ETHTOOL_SGRO, data: 0}}
	copy(request.device[:unix.IFNAMSIZ-1], device)
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&request)))
	if errno != 0 {
		return fmt.Errorf("SIOCETHTOOL: %w", errno)
	}
	return nil
}
