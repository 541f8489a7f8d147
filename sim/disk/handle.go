package disk

import (
	"errors"
	"io/fs"

	"raftsim/raft/vfs"
)

// ErrDead is what a file system and its files return once the process they belong to has died.
var ErrDead = errors.New("disk: the process that had this file open is dead")

// system is the vfs.FS of one incarnation of the owner.
type system struct {
	disk *Disk
	life uint64
}

// fault says why the process can do nothing any more.
func (s *system) fault() error {
	switch {
	case s.life != s.disk.life:
		return ErrDead
	case s.disk.trap.frozen:
		return ErrFrozen
	}
	return nil
}

// change admits a change of names.
func (s *system) change(op, name string) error {
	err := s.fault()
	if err == nil {
		err = s.disk.enter()
	}
	if err != nil {
		return vfs.PathError(op, name, err)
	}
	return nil
}

// Create implements vfs.FS.
func (s *system) Create(name string) (vfs.File, error) {
	if err := s.change("create", name); err != nil {
		return nil, err
	}
	if !vfs.ValidName(name) {
		return nil, vfs.PathError("create", name, fs.ErrInvalid)
	}
	d := s.disk
	if i, ok := d.view.find(name); ok {
		d.view[i].node.truncate(0)
		return &file{system: s, name: name, node: d.view[i].node}, nil
	}
	if err := d.noRoom(name); err != nil {
		return nil, err
	}
	n := d.newNode()
	d.changeNames(nameChange{to: name, node: n})
	return &file{system: s, name: name, node: n}, nil
}

// Open implements vfs.FS.
func (s *system) Open(name string) (vfs.File, error) {
	if err := s.fault(); err != nil {
		return nil, vfs.PathError("open", name, err)
	}
	i, ok := s.disk.view.find(name)
	if !ok {
		return nil, vfs.PathError("open", name, fs.ErrNotExist)
	}
	return &file{system: s, name: name, node: s.disk.view[i].node}, nil
}

// Remove implements vfs.FS.
func (s *system) Remove(name string) error {
	if err := s.change("remove", name); err != nil {
		return err
	}
	d := s.disk
	i, ok := d.view.find(name)
	if !ok {
		return vfs.PathError("remove", name, fs.ErrNotExist)
	}
	d.changeNames(nameChange{from: name, node: d.view[i].node})
	return nil
}

// Rename implements vfs.FS.
func (s *system) Rename(oldName, newName string) error {
	if err := s.change("rename", oldName); err != nil {
		return err
	}
	if !vfs.ValidName(newName) {
		return vfs.PathError("rename", newName, fs.ErrInvalid)
	}
	d := s.disk
	i, ok := d.view.find(oldName)
	if !ok {
		return vfs.PathError("rename", oldName, fs.ErrNotExist)
	}
	if oldName != newName {
		d.changeNames(nameChange{from: oldName, to: newName, node: d.view[i].node})
	}
	return nil
}

// List implements vfs.FS.
func (s *system) List() ([]string, error) {
	if err := s.fault(); err != nil {
		return nil, vfs.PathError("list", ".", err)
	}
	out := make([]string, len(s.disk.view))
	for i := range s.disk.view {
		out[i] = s.disk.view[i].name
	}
	return out, nil
}

// SyncDir implements vfs.FS. Of a dead process it does nothing: there is nobody to tell.
func (s *system) SyncDir(t vfs.Ticket) {
	if s.life == s.disk.life {
		s.disk.submit(t, nil, s.change("sync", "."))
	}
}
