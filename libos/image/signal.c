/*
 * signal.c - signals: from the mark in the window, or from a trap of the
 * program's own, to its handler and back.
 *
 * The commons marks a signal in the window of the env that is to take it.  It
 * is taken when a system call returns, when a slice begins in the program's
 * code, and where a call waits.  What a handler finds on its stack is what
 * Linux would put there; going back (rt_sigreturn) takes any registers that
 * the program says, which are only its own.
 */
#include <castor/lwc.h>
#include <castor/string.h>
#include <castor/upcall.h>

#include "area.h"
#include "patch.h"
#include "signal.h"
#include "thread.h"
#include "wait.h"

#define DEFAULT_IGNORE	(SIGBIT(SIGCHLD) | SIGBIT(SIGURG) |		      \
			 SIGBIT(SIGWINCH) | SIGBIT(SIGCONT))
#define DEFAULT_STOP	(SIGBIT(SIGSTOP) | SIGBIT(SIGTSTP) |		      \
			 SIGBIT(SIGTTIN) | SIGBIT(SIGTTOU))
#define FP_HEADER	512u		/* of what xsave writes, and reads */
#define FP_HEADER_SIZE	64u

struct sigaction actions[SIGNALS];	/* of signal i + 1 */

long	fp_save(void *to);
long	fp_load(const void *from);
extern const char lwc_leave[], lwc_leave_end[];
extern const char user_copy_first[], user_copy_last[], user_copy_fault[];
extern const char fp_save_first[], fp_save_last[];
extern const char fp_load_first[], fp_load_last[];
extern const char fault_frame_first[], fault_frame_last[], deliver_fault_by[];
extern const char back_first[], back_last[], foreign_full[];

int	trap(struct exo_regs *, uint64_t);
void	deliver_fault(struct exo_regs *);
void	deliver_slice(struct exo_regs *);

/* ---- what is done about a signal */

static bool
is_ignored(uint32_t sig)
{
	const struct sigaction *a = &actions[sig - 1];

	return a->handler == SIG_IGN ||
	    (a->handler == SIG_DFL && SIGBIT(sig) & DEFAULT_IGNORE);
}

static bool
stops(uint32_t sig)
{
	return actions[sig - 1].handler == SIG_DFL &&
	    SIGBIT(sig) & DEFAULT_STOP;
}

/* The commons does not bother with what nobody wants. */
static uint64_t ignored, caught, child;

bool signals_deaf;

static void
hints_put_to(struct cm_window *w)
{
	if (signals_deaf)
		return;
	w->sig_ignored = ignored;
	w->sig_caught = caught;
	w->sig_child = child;
}

void
hints_put(void)
{
	for (uint32_t i = 0; i < THREADS_MAX; i++) {
		if (thread_lives(i))
			hints_put_to(thread_window(i));
	}
}

/*
 * What was sent to the process and waits at another thread, which blocks it, is
 * this one's as soon as it wants it.
 */
static void
gather(uint64_t set)
{
	if (only_regs != 0)		/* there is no other */
		return;
	for (uint32_t i = 0; i < THREADS_MAX; i++) {
		struct cm_window *w = thread_window(i);
		uint64_t bits;

		if (!thread_lives(i) || w == my_window())
			continue;
		bits = w->pending & ~w->directed & w->sig_blocked & set;
		if (bits == 0)
			continue;
		bits &= __atomic_fetch_and(&w->pending, ~bits,
		    __ATOMIC_SEQ_CST);
		__atomic_fetch_or(&my_window()->pending, bits,
		    __ATOMIC_SEQ_CST);
	}
}

static void
action_set(uint32_t sig, const struct sigaction *a)
{
	uint64_t bit = SIGBIT(sig);

	actions[sig - 1] = *a;
	ignored = (ignored & ~bit) | (a->handler == SIG_IGN ? bit : 0);
	caught = (caught & ~bit) |
	    (a->handler != SIG_IGN && a->handler != SIG_DFL ? bit : 0);
	if (sig == SIGCHLD)
		child = (a->flags & SA_NOCLDSTOP ? CM_CHILD_NOSTOP : 0) |
		    (a->flags & SA_NOCLDWAIT ? CM_CHILD_NOWAIT : 0);
	if (only_regs != 0)
		hints_put_to(my_window());
	else
		hints_put();
}

static void
block(uint64_t set)
{
	uint64_t was = me()->blocked;

	me()->blocked = set & ~UNBLOCKABLE;
	if (!signals_deaf)
		my_window()->sig_blocked = me()->blocked;
	if ((was & ~me()->blocked) != 0)
		gather(was & ~me()->blocked);
}

static uint64_t
pending(void)
{
	return signals_deaf ? 0 : my_window()->pending;
}

static uint64_t
waiting(void)
{
	return pending() & ~me()->blocked;
}

/* Take the signal: false, somebody else did. */
static bool
take(uint32_t sig)
{
	return (__atomic_fetch_and(&my_window()->pending, ~SIGBIT(sig),
	    __ATOMIC_SEQ_CST) & SIGBIT(sig)) != 0;
}

/* The lowest of a set that is not ignored and does not stop; those that do
 * are dealt with.  0: none. */
static uint32_t
next_signal(void)
{
	uint64_t set;

	while ((set = waiting()) != 0) {
		uint32_t sig = (uint32_t)__builtin_ctzl(set) + 1;

		if (!is_ignored(sig) && !stops(sig))
			return sig;
		/* A stop is taken in there: SIGCONT may have come first. */
		if (!stops(sig)) {
			if (!take(sig))
				continue;
			(void)commons(CM_SIGINFO, sig, 0, 0, 0);
		} else if (commons(CM_STOP, sig, 0, 0, 0) < 0) {
			(void)take(sig);
		}
		/* Whoever was about to sleep waits for nothing any more. */
		__atomic_fetch_add(&my_window()->bell, 1, __ATOMIC_SEQ_CST);
	}
	return 0;
}

bool
signal_interrupts(void)
{
	return next_signal() != 0;
}

/* ---- the handler's frame */

/* Is this rsp on the alternate stack? */
static bool
on_altstack(const struct thread *t, uint64_t rsp)
{
	return t->alt_size != 0 && rsp - t->alt_base <= t->alt_size &&
	    rsp > t->alt_base;
}

static void
context_fill(struct ucontext *uc, const struct exo_regs *r)
{
	struct sigcontext *c = &uc->mc;

	uc->flags = UC_FP_XSTATE | UC_SS;
	uc->link = 0;
	c->r8 = r->r8;
	c->r9 = r->r9;
	c->r10 = r->r10;
	c->r11 = r->r11;
	c->r12 = r->r12;
	c->r13 = r->r13;
	c->r14 = r->r14;
	c->r15 = r->r15;
	c->rdi = r->rdi;
	c->rsi = r->rsi;
	c->rbp = r->rbp;
	c->rbx = r->rbx;
	c->rdx = r->rdx;
	c->rax = r->rax;
	c->rcx = r->rcx;
	c->rsp = r->rsp;
	c->rip = r->rip;
	c->rflags = r->rflags;
	c->cs = 0x33;
	c->gs = c->fs = 0;
	c->ss = 0x2b;
	c->err = r->err;
	c->cr2 = r->addr;
	for (uint32_t i = 0; i < 8; i++)
		c->reserved[i] = 0;
}

static void
context_take(const struct sigcontext *c, struct exo_regs *r)
{
	r->r8 = c->r8;
	r->r9 = c->r9;
	r->r10 = c->r10;
	r->r11 = c->r11;
	r->r12 = c->r12;
	r->r13 = c->r13;
	r->r14 = c->r14;
	r->r15 = c->r15;
	r->rdi = c->rdi;
	r->rsi = c->rsi;
	r->rbp = c->rbp;
	r->rbx = c->rbx;
	r->rdx = c->rdx;
	r->rax = c->rax;
	r->rcx = c->rcx;
	r->rsp = c->rsp;
	r->rip = c->rip;
	r->rflags = (c->rflags & FLAGS_USER) | FLAGS_FIXED;
}

/* The first words of struct fp_sw, for entry.asm too; 0: not known yet. */
uint64_t fp_words[3];

/*
 * FP state at an address, with the words that tell how much there is.  XSAVE
 * leaves these alone, and wants the header behind them zeroed.
 */
static long
fp_push(uint64_t at)
{
	uint32_t size = EXO_MACHINE->xsave_size, magic = FP_MAGIC2;
	struct {
		struct fp_sw sw;
		uint64_t header[FP_HEADER_SIZE / 8];
	} words = { .sw = { .magic = FP_MAGIC1, .extended_size = size + 4,
	    .size = size } };
	uint32_t high, low;
	long r = at > USER_TOP - size ? -EFAULT : 0;

	__asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	words.sw.features = (uint64_t)high << 32 | low;
	memcpy(fp_words, &words.sw, sizeof(fp_words));
	if (r == 0)
		r = user_write(at + FP_SW, &words, sizeof(words));
	if (r == 0)
		r = fp_save((void *)at);
	return r < 0 ? r : user_write(at + size, &magic, sizeof(magic));
}
_Static_assert(FP_SW + sizeof(struct fp_sw) == FP_HEADER, "one write");

/* f, whose info is filled in: have r enter the handler with it on its stack.
 * -EFAULT: there is none. */
static long
frame_push(struct exo_regs *r, const struct sigaction *a, struct sigframe *f,
    uint64_t mask)
{
	struct thread *t = me();
	uint64_t sp = r->rsp - RED_ZONE, fp;
	bool was_alt = on_altstack(t, r->rsp);

	if (a->flags & SA_ONSTACK && t->alt_size != 0 && !was_alt)
		sp = t->alt_base + t->alt_size;
	sp -= EXO_MACHINE->xsave_size + sizeof(uint32_t);
	fp = sp & ~63ul;
	sp = ((fp - sizeof(*f)) & ~15ul) - 8;
	if (was_alt && !on_altstack(t, sp))
		return -EFAULT;
	f->restorer = a->restorer;
	context_fill(&f->uc, r);
	f->uc.stack = (struct sigaltstack){ t->alt_base, t->alt_size == 0 ?
	    SS_DISABLE : was_alt ? SS_ONSTACK : 0, 0, t->alt_size };
	f->uc.mc.fpstate = fp;
	f->uc.mc.trapno = t->fault >> 16;
	f->uc.mc.oldmask = f->uc.mask = mask;
	if (fp_push(fp) < 0 || user_write(sp, f, sizeof(*f)) < 0)
		return -EFAULT;
	r->rdi = (uint64_t)f->info.signo;
	r->rsi = sp + offsetof(struct sigframe, info);
	r->rdx = sp + offsetof(struct sigframe, uc);
	r->rax = 0;
	r->rsp = sp;
	r->rip = a->handler;
	r->rflags = FLAGS_FIXED;
	return 0;
}

static _Noreturn void
signal_end(uint32_t sig)
{
	robust_end_all();
	process_end(sig);
}

/* Deliver one for which there is a handler, or which ends the process. */
static void
deliver(struct exo_regs *r, struct sigframe *f)
{
	uint32_t sig = (uint32_t)f->info.signo;
	struct sigaction a = actions[sig - 1];
	struct thread *t = me();
	uint64_t mask = t->restores ? t->restore : t->blocked;

	if (a.handler == SIG_DFL)
		signal_end(sig);
	t->restores = false;
	t->changed = 1;
	if (a.handler >= USER_TOP || !(a.flags & SA_RESTORER) ||
	    frame_push(r, &a, f, mask) < 0) {
		if (sig == SIGSEGV)
			signal_end(SIGSEGV);
		block(t->blocked & ~SIGBIT(SIGSEGV));
		actions[SIGSEGV - 1].handler = SIG_DFL;
		signal_end(SIGSEGV);
	}
	if (a.flags & SA_RESETHAND) {
		a.handler = SIG_DFL;
		action_set(sig, &a);
	}
	block(t->blocked | a.mask |
	    (a.flags & SA_NODEFER ? 0 : SIGBIT(sig)));
}

/* Why it was sent, as the commons knows. */
static void
info_get(uint32_t sig, struct siginfo *info)
{
	long r = commons(CM_SIGINFO, sig, 0, 0, 0);
	struct cm_siginfo in;

	*info = (struct siginfo){ .signo = (int32_t)sig };
	if (r < 0)
		return;
	memcpy(&in, my_window()->data, sizeof(in));
	info->code = in.code;
	info->pid = in.pid;
	info->uid = in.uid;
	if (in.code < 0 && in.code != SI_TKILL)
		info->value = in.value;
	else
		info->status = (int32_t)in.status;
}

static void
deliver_waiting(struct exo_regs *r)
{
	struct sigframe f;
	uint32_t sig;

	while ((sig = next_signal()) != 0) {
		if (!take(sig))
			continue;
		info_get(sig, &f.info);
		deliver(r, &f);
	}
}

/* A call that was interrupted begins again, or says EINTR, as the first signal
 * that comes has it. */
static void
call_again(struct exo_regs *r, uint64_t nr)
{
	uint32_t sig = next_signal();

	if (sig == 0 || actions[sig - 1].flags & SA_RESTART) {
		r->rip -= 2;
		r->rax = nr;
	} else
		r->rax = (uint64_t)-EINTR;
	me()->changed = 1;
}

void
signal_check(struct exo_regs *r, uint64_t nr)
{
	struct thread *t = me();

	if ((long)r->rax == -E_RESTART && !t->changed)
		call_again(r, nr);
	if (waiting() != 0) {
		t->fault = 0;
		deliver_waiting(r);
	}
	if (t->restores) {
		t->restores = false;
		block(t->restore);
	}
}

void
deliver_slice(struct exo_regs *r)
{
	me()->fault = 0;
	deliver_waiting(r);
}

/* ---- traps */

/* Castor's own code: where it touches the program's memory it is told so. */
static void
trap_inside(struct exo_regs *r, uint64_t kind)
{
	static const struct {
		const char *first, *last, *then;
	} places[] = {
		{ user_copy_first, user_copy_last, user_copy_fault },
		{ fp_save_first, fp_save_last, user_copy_fault },
		{ fp_load_first, fp_load_last, user_copy_fault },
		{ fault_frame_first, fault_frame_last, deliver_fault_by },
		{ back_first, back_last, foreign_full }
	};

	for (uint32_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (r->rip >= (uint64_t)places[i].first &&
		    r->rip < (uint64_t)places[i].last) {
			r->rip = (uint64_t)places[i].then;
			return;
		}
	}
	image_die("trap %lu at %lx, address %lx, error %lx",
	    kind - EXO_K_TRAP, r->rip, r->addr, r->err);
}

/* SIMD and x87 exceptions: which of them. */
static uint32_t
fp_code(uint64_t vector)
{
	uint32_t csr, set;
	uint16_t status, control;

	if (vector == TRAP_SIMD) {
		__asm__("stmxcsr %0" : "=m"(csr));
		set = csr & ~(csr >> 7);
	} else {
		__asm__("fnstsw %0; fnstcw %1" : "=m"(status), "=m"(control));
		set = status & ~control;
	}
	return set & 1 ? FPE_FLTINV : set & 4 ? FPE_FLTDIV :
	    set & 8 ? FPE_FLTOVF : set & 0x12 ? FPE_FLTUND : FPE_FLTRES;
}

static uint32_t
vector_signal(uint64_t vector)
{
	switch (vector) {
	case TRAP_DIVIDE:
		return SIGFPE | FPE_INTDIV << 8;
	case TRAP_DEBUG:
		return SIGTRAP | TRAP_TRACE << 8;
	case TRAP_BREAK:
		return SIGTRAP | SI_KERNEL << 8;
	case TRAP_OPCODE:
		return SIGILL | ILL_ILLOPN << 8;
	case TRAP_ALIGN:
		return SIGBUS | BUS_ADRALN << 8;
	case 12:			/* stack segment */
		return SIGBUS | SI_KERNEL << 8;
	case TRAP_FP:
	case TRAP_SIMD:
		return SIGFPE | fp_code(vector) << 8;
	}
	return SIGSEGV | SI_KERNEL << 8;
}

/* From entry.asm, on the upcall frame: 0: go on; 1: deliver_fault next. */
int
trap(struct exo_regs *r, uint64_t kind)
{
	uint64_t vector = kind - EXO_K_TRAP;
	uint32_t fault;

	if (vector == TRAP_PAGE && r->rip >= (uint64_t)lwc_leave &&
	    r->rip < (uint64_t)lwc_leave_end) {
		r->rip = r->rcx - 2;	/* with several threads: by a trap */
		r->rax = LWC_NR_registers;
		return 0;
	}
	if (vector == TRAP_PAGE) {
		fault = pager_fault(r->addr, r->err);
		if (fault == 0)
			return 0;
	} else
		fault = vector_signal(vector);
	if (SLOT_OF(r->rip) >= HEAP_SLOT) {
		trap_inside(r, kind);
		return 0;
	}
	me()->fault = fault | (uint32_t)vector << 16;
	return 1;
}

/* The program's own fault: nothing puts that off. */
void
deliver_fault(struct exo_regs *r)
{
	struct thread *t = me();
	uint32_t sig = t->fault & 0xff;
	uint64_t vector = t->fault >> 16;
	struct sigframe f;

	f.info = (struct siginfo){
		.signo = (int32_t)sig, .code = (int32_t)(t->fault >> 8 & 0xff),
	};
	if (vector == TRAP_PAGE)
		f.info.addr = r->addr;
	else if (f.info.code != SI_KERNEL)
		f.info.addr = r->rip;
	if (t->blocked & SIGBIT(sig) || is_ignored(sig))
		signal_end(sig);
	deliver(r, &f);
}

/* ---- calls */

static bool
sig_ok(uint64_t sig)
{
	return sig >= 1 && sig <= SIGNALS;
}

long
call_rt_sigaction(uint64_t sig, uint64_t new, uint64_t old, uint64_t size)
{
	struct sigaction a, was;
	long r = 0;

	if (!sig_ok(sig) || size != 8 ||
	    (new != 0 && SIGBIT(sig) & UNBLOCKABLE))
		return -EINVAL;
	was = actions[sig - 1];
	if (new != 0)
		r = user_read(&a, new, sizeof(a));
	if (r == 0 && old != 0)
		r = user_write(old, &was, sizeof(was));
	if (r < 0 || new == 0)
		return r;
	a.mask &= ~UNBLOCKABLE;
	action_set((uint32_t)sig, &a);
	if (is_ignored((uint32_t)sig) && pending() & SIGBIT(sig) &&
	    take((uint32_t)sig))
		(void)commons(CM_SIGINFO, sig, 0, 0, 0);
	return 0;
}

long
call_rt_sigprocmask(uint64_t how, uint64_t new, uint64_t old, uint64_t size)
{
	uint64_t set, was = me()->blocked;
	long r = 0;

	if (size != 8)
		return -EINVAL;
	if (new != 0)
		r = user_read(&set, new, sizeof(set));
	if (r == 0 && new != 0 && how > SIG_SETMASK)
		return -EINVAL;
	if (r == 0 && old != 0)
		r = user_write(old, &was, sizeof(was));
	if (r < 0 || new == 0)
		return r;
	block(how == SIG_BLOCK ? was | set : how == SIG_UNBLOCK ? was & ~set :
	    set);
	return 0;
}

long
call_rt_sigpending(uint64_t to, uint64_t size)
{
	uint64_t set = pending();

	for (uint32_t i = 0; i < THREADS_MAX && !signals_deaf; i++) {
		if (thread_lives(i))
			set |= thread_window(i)->pending &
			    ~thread_window(i)->directed;
	}
	set &= me()->blocked;
	return size != 8 ? -EINVAL : user_write(to, &set, sizeof(set));
}

long
signal_wait(uint64_t blocked)
{
	struct thread *t = me();

	t->restores = true;
	t->restore = t->blocked;
	block(blocked);
	for (;;) {
		uint64_t bell = my_window()->bell;

		if (signal_interrupts())
			return -EINTR;
		wait_bell(bell, WAIT_FOREVER);
	}
}

long
signal_mask_for_call(uint64_t from, uint64_t size)
{
	struct thread *t = me();
	uint64_t set;
	long r;

	if (from == 0)
		return 0;
	r = size != 8 ? -EINVAL : user_read(&set, from, sizeof(set));
	if (r < 0)
		return r;
	t->restores = true;
	t->restore = t->blocked;
	block(set);
	return 0;
}

long
call_rt_sigsuspend(uint64_t from, uint64_t size)
{
	uint64_t set;
	long r = size != 8 ? -EINVAL : user_read(&set, from, sizeof(set));

	return r < 0 ? r : signal_wait(set);
}

/* ---- signals as words */

/* One of these is taken: it; 0: none is there. */
static uint32_t
take_one(uint64_t set)
{
	uint64_t bits;

	gather(set);
	while ((bits = pending() & set) != 0) {
		uint32_t sig = (uint32_t)__builtin_ctzl(bits) + 1;

		if (take(sig))
			return sig;
	}
	return 0;
}

static long
wait_one(uint64_t set, uint64_t until, struct siginfo *info)
{
	for (;;) {
		uint64_t bell = my_window()->bell;
		uint32_t sig = take_one(set);

		if (sig != 0) {
			info_get(sig, info);
			return sig;
		}
		if (signal_interrupts())
			return -EINTR;
		if (until != WAIT_FOREVER && clock_ns() >= until)
			return -EAGAIN;
		wait_bell(bell, until);
	}
}

long
call_rt_sigtimedwait(uint64_t from, uint64_t to, uint64_t timeout,
    uint64_t size)
{
	uint64_t set, ns, until = WAIT_FOREVER;
	struct siginfo info;
	long r = size != 8 ? -EINVAL : user_read(&set, from, sizeof(set)), e;

	if (r == 0 && timeout != 0) {
		r = timespec_get(timeout, &ns);
		until = clock_ns() + ns;
	}
	if (r < 0)
		return r;
	set &= ~UNBLOCKABLE;
	if (!signals_deaf)
		my_window()->sig_waited = set;
	r = wait_one(set, until, &info);
	if (!signals_deaf)
		my_window()->sig_waited = 0;
	e = r < 0 || to == 0 ? 0 : user_write(to, &info, sizeof(info));
	return e < 0 ? e : r;
}

static long
queue_signal(uint64_t who, uint64_t tid, uint64_t sig, uint64_t from)
{
	struct cm_siginfo out;
	struct siginfo info;
	long r = user_read(&info, from, sizeof(info));

	if (r < 0)
		return r;
	out = (struct cm_siginfo){ .code = info.code, .pid = info.pid,
	    .uid = info.uid, .value = info.value };
	memcpy(my_window()->data, &out, sizeof(out));
	return commons(CM_SIGQUEUE, (uint32_t)who, (uint32_t)tid,
	    (uint32_t)sig, 0);
}

long
call_rt_sigqueueinfo(uint64_t who, uint64_t sig, uint64_t info)
{
	return queue_signal(who, 0, sig, info);
}

long
call_rt_tgsigqueueinfo(uint64_t tgid, uint64_t tid, uint64_t sig,
    uint64_t info)
{
	return (int32_t)tgid <= 0 || (int32_t)tid <= 0 ? -EINVAL :
	    queue_signal(tgid, tid, sig, info);
}

long
call_pause(void)
{
	return signal_wait(me()->blocked);
}

long
call_sigaltstack(uint64_t new, uint64_t old)
{
	struct thread *t = me();
	bool on = on_altstack(t, t->regs->rsp);
	struct sigaltstack s, was = { t->alt_base, t->alt_size == 0 ?
	    SS_DISABLE : on ? SS_ONSTACK : 0, 0, t->alt_size };
	long r = new == 0 ? 0 : user_read(&s, new, sizeof(s));

	if (r < 0)
		return r;
	if (new != 0) {
		if (on)
			return -EPERM;
		if (s.flags != 0 && s.flags != SS_DISABLE)
			return -EINVAL;
		if (s.flags == 0 && s.size < MINSIGSTKSZ)
			return -ENOMEM;
	}
	if (old != 0)
		r = user_write(old, &was, sizeof(was));
	if (r < 0 || new == 0)
		return r;
	t->alt_base = s.base;
	t->alt_size = s.flags == SS_DISABLE ? 0 : s.size;
	return 0;
}

/* What is on the stack now is the program's word, and so are its registers. */
long
call_rt_sigreturn(void)
{
	struct thread *t = me();
	struct exo_regs *r = t->regs;
	struct ucontext uc;

	if (user_read(&uc, r->rsp, sizeof(uc)) < 0 || uc.mc.rip >= USER_TOP ||
	    (uc.mc.fpstate != 0 && (uc.mc.fpstate >= USER_TOP ||
	    fp_load((const void *)uc.mc.fpstate) < 0)))
		signal_end(SIGSEGV);
	context_take(&uc.mc, r);
	if (!on_altstack(t, t->regs->rsp)) {
		t->alt_base = uc.stack.base;
		t->alt_size = uc.stack.flags & SS_DISABLE ? 0 : uc.stack.size;
	}
	block(uc.mask);
	t->changed = 1;
	return 0;
}

void
signal_exec(void)
{
	for (uint32_t i = 0; i < SIGNALS; i++) {
		if (actions[i].handler != SIG_IGN)
			actions[i] = (struct sigaction){ .handler = SIG_DFL };
	}
	me()->alt_size = 0;
	caught = 0;
	if (actions[SIGCHLD - 1].handler != SIG_IGN)
		child = 0;
	hints_put();
}

void
signal_forked(void)
{
	me()->restores = false;
	hints_put_to(my_window());
	block(me()->blocked);
}
