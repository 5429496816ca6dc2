/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the kernel gives the core's object. The link wraps the memory functions of everything, so that the C library's,
 * which use vector registers and differ from machine to machine, are not measured.
 */

	.text

	/* The return thunk, as the kernel patches it in where no mitigation needs one. */
	.globl __x86_return_thunk
__x86_return_thunk:
	ret

	/* An indirect call, likewise. */
	.globl __x86_indirect_thunk_r11
__x86_indirect_thunk_r11:
	jmp	*%r11

	/* Where a panic of the kernel's own core ends; the core has none. */
	.globl rust_begin_unwind
rust_begin_unwind:
	ud2

	/* linux:arch/x86/lib/memcpy_64.S, with fast short rep mov */
	.globl __wrap_memcpy
__wrap_memcpy:
	movq	%rdi, %rax
	movq	%rdx, %rcx
	rep movsb
	ret

	/* linux:arch/x86/lib/memset_64.S, likewise */
	.globl __wrap_memset
__wrap_memset:
	movq	%rdi, %r9
	movb	%sil, %al
	movq	%rdx, %rcx
	rep stosb
	movq	%r9, %rax
	ret

	.globl __wrap_memmove
__wrap_memmove:
	movq	%rdi, %rax
	movq	%rdx, %rcx
	cmpq	%rsi, %rdi
	jbe	1f
	leaq	-1(%rsi,%rdx), %rsi
	leaq	-1(%rdi,%rdx), %rdi
	std
	rep movsb
	cld
	ret
1:	rep movsb
	ret

	.globl __wrap_memcmp, __wrap_bcmp
__wrap_memcmp:
__wrap_bcmp:
	movq	%rdx, %rcx
	xorl	%eax, %eax
	repe cmpsb
	je	1f
	movzbl	-1(%rdi), %eax
	movzbl	-1(%rsi), %ecx
	subl	%ecx, %eax
1:	ret

	.section .note.GNU-stack,"",@progbits
