// SPDX-License-Identifier: GPL-2.0

// An agent that uses cilium/ebpf: use_cilium DIRECTORY. Pins a map, a program and a link there, goes on
// with what is pinned as another process would, and removes it.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
)

func must(what string, err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", what, err)
		os.Exit(1)
	}
}

func main() {
	directory := os.Args[1]
	at := func(name string) string { return filepath.Join(directory, name) }

	spec := &ebpf.MapSpec{
		Name: "by_name", Type: ebpf.Hash, KeySize: 4, ValueSize: 8, MaxEntries: 4, Pinning: ebpf.PinByName,
	}
	options := ebpf.MapOptions{PinPath: directory}
	first, err := ebpf.NewMapWithOptions(spec, options)
	must("make a map that is pinned by its name", err)
	must("put", first.Put(uint32(1), uint64(77)))
	must("close", first.Close())
	again, err := ebpf.NewMapWithOptions(spec, options)
	must("make it again", err)
	var value uint64
	must("look up", again.Lookup(uint32(1), &value))
	if value != 77 {
		must("the map", errors.New("is another one"))
	}
	must("pin it elsewhere", again.Pin(at("moved")))
	must("unpin", again.Unpin())
	_, err = ebpf.LoadPinnedMap(at("moved"), nil)
	if !errors.Is(err, os.ErrNotExist) {
		must("what was unpinned", fmt.Errorf("is there: %v", err))
	}

	program, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Type: ebpf.CGroupSKB, AttachType: ebpf.AttachCGroupInetEgress, License: "GPL",
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 1), asm.Return()},
	})
	must("load a program", err)
	must("pin the program", program.Pin(at("program")))
	fetched, err := ebpf.LoadPinnedProgram(at("program"), nil)
	must("fetch the program", err)
	attached, err := link.AttachCgroup(link.CgroupOptions{
		Path: os.Args[2], Attach: ebpf.AttachCGroupInetEgress, Program: fetched,
	})
	must("attach it", err)
	must("pin the link", attached.Pin(at("link")))
	must("close the link", attached.Close())
	pinned, err := link.LoadPinnedLink(at("link"), nil)
	must("fetch the link", err)
	must("unpin the link", pinned.Unpin())
	must("detach", pinned.Close())
	must("unpin the program", fetched.Unpin())
}
