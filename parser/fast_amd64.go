//go:build !purego

// The fast path of amd64, by AVX2 and BMI.

package parser

import "golang.org/x/sys/cpu"

// hasFast is true where the processor can run headAVX2.
var hasFast = cpu.X86.HasAVX2 && cpu.X86.HasBMI1 && cpu.X86.HasBMI2 && cpu.X86.HasPOPCNT

// headAVX2 does what fastHead says. fast_amd64.s explains how.
//
//go:noescape
func headAVX2(s *section, fields *[]Field, buf []byte, kind uint8) (left int)

// fastHead reads lines of buf, up to the end of the section or of the last whole line, and appends them to
// fields.
//
// s is up to date then, and of a request what its line holds, except that the target is taken for the
// origin-form. Unless leftAll or leftLines, KeepAlive of a request is settled, and Host the one Host field's.
func fastHead(s *section, fields *[]Field, buf []byte, kind uint8) (left int) {
	return headAVX2(s, fields, buf, kind)
}
