// What the kernel says of processes: CPU time and memory, by proc(5).

package measure

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of times in /proc/PID/stat: USER_HZ, which Linux has fixed at 100 for programs.
const tick = time.Second / 100

// CPU is the time that processes have spent.
type CPU struct{ User, System time.Duration }

// Total is user and system time together.
func (c CPU) Total() time.Duration { return c.User + c.System }

// Sub is the time spent since before.
func (c CPU) Sub(before CPU) CPU { return CPU{c.User - before.User, c.System - before.System} }

// Group is the CPU time of all processes in a process group, their threads included.
func Group(pgid int) (CPU, error) {
	var sum CPU
	pids, err := Members(pgid)
	for _, pid := range pids {
		f, err := stat(pid)
		if err != nil {
			continue // it has just ended
		}
		sum.User += time.Duration(f.utime) * tick
		sum.System += time.Duration(f.stime) * tick
	}
	return sum, err
}

// Members lists the processes of a group.
func Members(pgid int) ([]int, error) {
	all, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, e := range all {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if f, err := stat(pid); err == nil && f.pgrp == pgid {
			pids = append(pids, pid)
		}
	}
	if len(pids) == 0 {
		return nil, fmt.Errorf("process group %d: %w", pgid, os.ErrProcessDone)
	}
	return pids, nil
}

type statLine struct{ pgrp, utime, stime int }

// stat reads /proc/PID/stat: see proc(5). The name, in parentheses, may hold anything.
func stat(pid int) (statLine, error) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return statLine{}, err
	}
	return parseStat(b)
}

func parseStat(b []byte) (statLine, error) {
	end := bytes.LastIndexByte(b, ')')
	f := strings.Fields(string(b[end+1:]))
	if end < 0 || len(f) < 13 {
		return statLine{}, errors.New("measure: /proc/PID/stat has another form than proc(5) says")
	}
	num := func(field int) int { n, _ := strconv.Atoi(f[field-3]); return n } // numbered as in proc(5)
	return statLine{pgrp: num(5), utime: num(14), stime: num(15)}, nil
}

// Memory is what a group of processes holds, in bytes: now, and at its highest.
type Memory struct{ RSS, Peak int64 }

// GroupMemory adds up the resident sets of a group. Pages that its processes share count for each.
func GroupMemory(pgid int) (Memory, error) {
	var sum Memory
	pids, err := Members(pgid)
	for _, pid := range pids {
		b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
		if err != nil {
			continue
		}
		sum.RSS += kilobytes(b, "VmRSS:")
		sum.Peak += kilobytes(b, "VmHWM:")
	}
	return sum, err
}

func kilobytes(status []byte, name string) int64 {
	_, rest, ok := bytes.Cut(status, []byte("\n"+name))
	if !ok {
		return 0
	}
	f := bytes.Fields(rest)
	n, _ := strconv.ParseInt(string(f[0]), 10, 64)
	return n << 10
}
