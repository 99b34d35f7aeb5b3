package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
)

// enterRoot builds the node's own file tree on spec.Root and makes it the root
// of this mount namespace, which then no longer has the host's tree.
func enterRoot(spec *Spec) error {
	// Without this, mounts in this namespace would appear on the host.
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("cannot make mounts private: %w", err)
	}
	if err := syscall.Mount("tmpfs", spec.Root, "tmpfs", syscall.MS_NOSUID, "mode=755"); err != nil {
		return fmt.Errorf("cannot mount the node's root at %s: %w", spec.Root, err)
	}
	for _, mount := range spec.Mounts {
		if err := makeMount(spec.Root, mount); err != nil {
			return err
		}
	}
	for path, content := range spec.Files {
		if err := writeFile(filepath.Join(spec.Root, path), content); err != nil {
			return err
		}
	}
	if err := protect(spec); err != nil {
		return err
	}
	for path, content := range spec.Masks {
		if err := mask(spec.Root, path, content); err != nil {
			return err
		}
	}
	old := filepath.Join(spec.Root, ".host")
	if err := os.Mkdir(old, 0o700); err != nil {
		return err
	}
	if err := syscall.PivotRoot(spec.Root, old); err != nil {
		return fmt.Errorf("cannot make %s the root: %w", spec.Root, err)
	}
	if err := os.Chdir("/"); err != nil {
		return err
	}
	if err := syscall.Unmount("/.host", syscall.MNT_DETACH); err != nil {
		return fmt.Errorf("cannot leave the host's root: %w", err)
	}
	if err := os.Remove("/.host"); err != nil {
		return err
	}
	// Volumes with mount propagation need a shared tree. It is shared only within
	// this namespace, which no longer has the host's tree.
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_SHARED, ""); err != nil {
		return fmt.Errorf("cannot share mounts with pods: %w", err)
	}
	return nil
}

// makeMount makes one mount in the file tree that is being built at root.
func makeMount(root string, mount Mount) error {
	target := filepath.Join(root, mount.Target)
	explain := func(err error) error {
		if err == nil {
			return nil
		}
		return fmt.Errorf("cannot mount %s (%s) at %s: %w", mount.Source, mount.Type, mount.Target, err)
	}
	switch mount.Type {
	case "symlink":
		return explain(os.Symlink(mount.Source, target))
	case "bind":
		if err := makeTarget(mount.Source, target); err != nil {
			return explain(err)
		}
		if err := syscall.Mount(mount.Source, target, "", syscall.MS_BIND, ""); err != nil {
			return explain(err)
		}
	default:
		if err := os.MkdirAll(target, 0o755); err != nil {
			return explain(err)
		}
		if err := syscall.Mount(mount.Source, target, mount.Type, 0, mount.Options); err != nil {
			return explain(err)
		}
	}
	if mount.ReadOnly {
		return explain(makeReadOnly(target))
	}
	return nil
}

// makeReadOnly makes a mount read-only, and changes neither the file system
// itself, which others may have mounted, nor the mounts below it.
func makeReadOnly(target string) error {
	return syscall.Mount("", target, "", syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_RDONLY, "")
}

// makeTarget creates what a bind mount of source needs at target: a folder for
// a folder, an empty file for anything else.
func makeTarget(source, target string) error {
	info, err := os.Stat(source)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return os.MkdirAll(target, 0o755)
	}
	if _, err := os.Stat(target); err == nil {
		return nil
	}
	return writeFile(target, "")
}

func writeFile(path, content string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(content), 0o644)
}

// protect makes paths of the node read-only, except for some paths below them.
// A path that this kernel does not have is left out.
func protect(spec *Spec) error {
	present := func(path string) bool {
		_, err := os.Stat(path)
		return err == nil
	}
	for _, path := range append(slices.Clone(spec.ReadOnly), spec.Writable...) {
		if target := filepath.Join(spec.Root, path); present(target) {
			if err := syscall.Mount(target, target, "", syscall.MS_BIND, ""); err != nil {
				return fmt.Errorf("cannot mount %s on itself: %w", path, err)
			}
		}
	}
	for _, path := range spec.ReadOnly {
		if target := filepath.Join(spec.Root, path); present(target) {
			if err := makeReadOnly(target); err != nil {
				return fmt.Errorf("cannot make %s read-only: %w", path, err)
			}
		}
	}
	return nil
}

// mask mounts a file with the given content at a path of the node's /proc.
// kubelet requires some kernel settings of the whole machine. It sees them
// here, while the machine keeps its own.
func mask(root, path, content string) error {
	target := filepath.Join(root, "proc", path)
	if _, err := os.Stat(target); err != nil {
		return nil // this kernel does not have the setting
	}
	source := filepath.Join(root, "run", "masks", path)
	if err := writeFile(source, content+"\n"); err != nil {
		return err
	}
	if err := syscall.Mount(source, target, "", syscall.MS_BIND, ""); err != nil {
		return fmt.Errorf("cannot mask /proc/%s: %w", path, err)
	}
	return makeReadOnly(target)
}
