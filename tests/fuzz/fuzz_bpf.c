/*
 * fuzz_bpf.c - what bpf_validate() accepts is bounded and without a trap,
 * gives the same whatever lay on the stack, and is what the reference does.
 *
 * Input: a byte of flags, one of fuel (in tens), three lengths of windows;
 * then the program.  The windows are filled by a rule.  Flags: 1, make the
 * program acceptable first; 2 and 4, windows 0 and 1 are writable; 8, no
 * window 2.  Windows and stack lie in heap blocks of their exact size.
 */
#include <stdlib.h>
#include <string.h>

#include "bpf_reference.h"
#include "fuzz.h"

enum { HEAD = 5, REPAIR = 1, WRITE0 = 2, WRITE1 = 4, TWO = 8 };

struct outcome {
	enum bpf_error error;
	uint64_t r0, fuel;
	uint32_t at;
	uint8_t mem[REF_WINDOWS][256];
};

static struct bpf_insn *program;	/* of its exact size */
static uint32_t length;

static void
windows_make(struct bpf_window win[REF_WINDOWS], const uint8_t *head)
{
	for (uint32_t k = 0; k < REF_WINDOWS; k++) {
		win[k].len = head[2 + k];
		win[k].mem = malloc(win[k].len + !win[k].len);
		win[k].writable = (head[0] & WRITE0 << k) != 0 && k < 2;
		for (uint32_t i = 0; i < win[k].len; i++)
			win[k].mem[i] = (uint8_t)(i * (k + 3) + (i >> 3));
	}
}

static void
windows_take(struct bpf_window win[REF_WINDOWS], struct outcome *o)
{
	for (uint32_t k = 0; k < REF_WINDOWS; k++) {
		memcpy(o->mem[k], win[k].mem, win[k].len);
		free(win[k].mem);
	}
}

static const uint64_t arg[5] = { 0x100000000, 0x200000000, 0x300000000, 8,
	UINT64_MAX };

static void
run_real(const uint8_t *head, uint8_t garbage, struct outcome *o)
{
	struct bpf_window win[REF_WINDOWS];
	struct bpf_run run = { .win = win, .nwin = head[0] & TWO ? 2 : 3,
	    .stack = malloc(BPF_STACK), .fuel = head[1] * 10u };

	memset(o, 0, sizeof(*o));
	memset(run.stack, garbage, BPF_STACK);
	memcpy(run.arg, arg, sizeof(arg));
	windows_make(win, head);
	o->error = bpf_run(program, length, &run);
	o->r0 = run.r0;
	o->fuel = run.fuel;
	o->at = run.at;
	windows_take(win, o);
	free(run.stack);
}

static void
run_reference(struct ref *r, const uint8_t *head, struct outcome *o)
{
	memset(o, 0, sizeof(*o));
	r->nwin = head[0] & TWO ? 2 : 3;
	r->fuel = head[1] * 10u;
	windows_make(r->win, head);
	o->error = ref_run(r, arg);
	o->r0 = o->error == BPF_OK ? r->reg[0] : 0;
	o->fuel = r->fuel;
	o->at = r->pc;
	windows_take(r->win, o);
}

static void
outcome_judge(const struct outcome *o, const uint8_t *head)
{
	MUST(o->error == BPF_OK || (o->error >= BPF_E_FUEL &&
	    o->error <= BPF_E_DEPTH));
	MUST(o->at < length);
	MUST(o->fuel <= head[1] * 10u);
	MUST(o->error != BPF_E_FUEL || o->fuel == 0);
}

static void
program_judge(const uint8_t *head)
{
	static struct ref r;
	struct outcome one, two, ref;
	uint32_t at = UINT32_MAX;
	enum bpf_error e = bpf_validate(program, length, &at);

	memcpy(r.code, program, length * sizeof(*program));
	r.n = length;
	MUST(ref_valid(&r) == (e == BPF_OK));
	MUST(at < length || (at == 0 && e == BPF_E_LENGTH));
	MUST(e < BPF_E_FUEL);
	MUST(bpf_text(e) != NULL && bpf_name(e) != NULL);
	if (head[0] & REPAIR)
		MUST(e == BPF_OK || length == 0);
	if (e != BPF_OK)
		return;
	run_real(head, 0xa5, &one);
	outcome_judge(&one, head);
	run_real(head, 0x00, &two);
	MUST(memcmp(&one, &two, sizeof(one)) == 0);
	run_reference(&r, head, &ref);
	MUST(memcmp(&one, &ref, sizeof(one)) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < HEAD)
		return 0;
	length = (uint32_t)((size - HEAD) / sizeof(*program));
	if (length > BPF_LEN_MAX)
		return 0;
	program = malloc(length * sizeof(*program) + 1);
	memcpy(program, data + HEAD, length * sizeof(*program));
	if (data[0] & REPAIR && length > 0)
		ref_repair(program, length);
	program_judge(data);
	free(program);
	return 0;
}
