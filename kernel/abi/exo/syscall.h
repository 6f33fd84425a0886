/*
 * exo/syscall.h - every call of the kernel.
 *
 * eax holds EXO_NR_BASE + number; arguments are in rdi, rsi, rdx, r10, r8 and
 * r9, results in rax; rcx and r11 are destroyed, and with them nothing but
 * rdx, rsi, rdi, r8, r9 and r10 (enter, call and reply pass those on).
 * Any other number is a *foreign* call: a trap of class FOREIGN.
 *
 * Each call lists its errors in the order checked.  Common to all: CALL for a
 * number in the native range that names no call; a call that the domain's
 * monitor refuses is a trap of class REFUSED.  `slot` is a slot of the
 * caller's with a capability for the object named next.  Looking up an
 * account, domain or env by id fails with NAME; using a slot with SLOT, then
 * DENIED, then RIGHTS.  Pointers are user addresses: ADDR.
 *
 * Batches stop at the first bad entry and return how many they did; an error
 * only at zero.  Restartable calls do at most `n` steps and return how many
 * steps they did: 0 when nothing is left.
 */
#ifndef EXO_SYSCALL_H
#define EXO_SYSCALL_H

#include <exo/types.h>

#define EXO_NR_BASE	0x58000000u	/* 'X' */
#define EXO_NR_MASK	0xffffff00u	/* the native range: 256 numbers */
#define EXO_NR_MAX	96u		/* calls there can be */
#define EXO_BATCH_MAX	512u		/* entries or frames in one call */
#define EXO_STEPS_MAX	512u		/* steps in one call; more are cut */

/*
 * X(number, how, name, (parameters), (names))
 * how: A - assembly in entry.asm; C - a plain handler; F - a handler that
 * sees all the caller's registers, since it may switch envs or domains.
 *
 * ---- crossing domains
 *
 * enter(handle) - move this env to the seat that the handle names.  The
 * caller's seat becomes free; the callee sees rax = EXO_K_ENTER, rdi = badge.
 * At depth 0 the env's home moves too.  (Liedtke's LRPC by one primitive.)
 *	Errors: SLOT no such handle; STALE the handle or its domain is dead;
 *	LOOP the seat is on the env's chain; BUSY the seat is occupied; DENIED
 *	it is reserved for another env.
 *
 * call(handle) - the same, and keep the caller's seat AWAY on the env's chain.
 *	Errors: as enter; DEPTH 8 calls are open.
 *
 * reply() - return to the caller, where rax is EXO_K_REPLY.
 *	Errors: DEPTH no call is open; STATE the open entry is a trap (see
 *	seat_resume).
 *
 * seat_resume(how, regs) - answer a trap that entered this domain (action
 * ENTER): resume the seat that trapped.  regs: struct exo_regs, read once;
 * selectors are the user's, RFLAGS keeps CF PF AF ZF SF TF DF OF AC ID of the
 * given one.  how: EXO_HOW_REGS, or EXO_HOW_SELF: on to the row after mine.
 *	Errors: DEPTH no entry; STATE it is a call's; ARG how, or rip not below
 *	EXO_USER_TOP; ADDR.
 *
 * null() - nothing: 0.
 *
 * ---- accounts
 *
 * acct_create(acct, slot, guard, heir, limits) - a child of acct, guarded by
 * the name in slot `guard`; limits: uint32_t[EXO_RES_MAX], carved from acct.
 * heir: acct or an ancestor: inherits what is still reachable at its death.
 * Result: the new account's id.
 *	Errors: NAME acct; SLOT, DENIED, RIGHTS (CHARGE) on it; SLOT guard;
 *	NAME heir; ARG heir is no ancestor-or-self; STATE acct is dying; ADDR;
 *	QUOTA, or it would be more than 32 below the root; FULL no row is free.
 *
 * acct_limit(acct, slot, res, amount) - raise (amount > 0) or lower a limit,
 * from or to its parent.
 *	Errors: NAME; SLOT, DENIED, RIGHTS (CONTROL); ARG res, or the account
 *	has no parent; STATE it or its parent is dying; BUSY it is asked to give
 *	some back; QUOTA the parent has not so much, or more than the limit that
 *	stays is in use.
 *
 * acct_destroy(acct, slot) - begin its end: nothing can be charged to it, its
 * domains and envs die, then acct_reap returns all.
 *	Errors: NAME; SLOT, DENIED, RIGHTS (KILL); ARG the root account; STATE.
 *
 * acct_reap(acct, n) - anyone: at most n steps of a dying account's end.
 * Children first; frames nobody reaches are freed, the others charged to the
 * heir; the rest of its limits returns to its parent.  Its children die too,
 * and are reaped by their own names.  The call that finds nothing left frees
 * the row, and returns 0.
 *	Errors: NAME; STATE it is not dying; BUSY children are not yet reaped
 *	(reap them), or an env is away from home (try after the grace).
 *
 * ---- capabilities
 *
 * cap_derive(src, dst, rights, comp) - a child or weaker copy of the
 * capability in src, into dst (empty).  comp: 0-255 a chosen component,
 * EXO_COMP_SAME, EXO_COMP_FRESH (rights are then all, the argument must be
 * EXO_R_ALL).
 *	Errors: ARG comp or rights; SLOT src; SLOT dst (out of range); FULL dst
 *	is in use; RIGHTS not a subset, or MINT missing for fresh; QUOTA the
 *	name would be too long.
 *
 * cap_read(slot, ptr) - copy one of my capabilities out: struct exo_cap.
 *	Errors: SLOT out of range or unbound; ADDR.
 *
 * cap_drop(slot) - empty a slot, or close an opened one.
 *	Errors: SLOT out of range or unbound.
 *
 * cap_open(slot, from) - let domain `from` fill this empty slot, once.
 *	Errors: SLOT; FULL in use; NAME from.
 *
 * cap_give(src, rights, to, dst) - put a copy with these rights in slot dst of
 * domain `to`, which must have opened it for the caller's domain.
 *	Errors: SLOT src; RIGHTS (GIVE), or not a subset; NAME to; STATE it is
 *	dead; FULL not opened for me.
 *
 * slots_bind(dom, slot, which, ppn) - bind a slot table as number `which`
 * (0-3) of a domain: an empty SLOTS frame that this domain allocated and
 * nobody bound, or a table bound to the caller itself (shared from then on).
 * ppn 0 unbinds.
 *	Errors: NAME; SLOT, DENIED, RIGHTS (CONTROL); STATE dead; ARG which or
 *	ppn; TYPE not a SLOTS frame; REACH neither mine nor fresh; BUSY number
 *	taken (unbind first) or bound 65535 times; EMPTY nothing to unbind.
 *
 * slots_clone(which, ppn) - copy my table `which` into a fresh SLOTS frame of
 * mine.  (Opened slots become empty.)
 *	Errors: ARG which, ppn; SLOT unbound; TYPE; REACH not mine and fresh.
 *
 * ---- frames
 *
 * page_alloc(acct, slot, guard, kind, ppn, n) - take frames ppn .. ppn+n-1,
 * zeroed, of one kind (EXO_PG_DATA, _PT1 to _PT4, _RMAP, _SLOTS, _SEATS,
 * _HANDLES, _DOMAIN, _ENV, _PROG, _REGION), | EXO_KIND_LIVE for live DATA and
 * live tables below a root; guarded by the name in slot `guard`, charged to
 * acct.  A PT1 is given its companion by pt_companion.  A batch of at most
 * EXO_BATCH_MAX.
 *	Errors: NAME; SLOT, DENIED, RIGHTS (CHARGE); STATE dying; ARG kind, n,
 *	ppn; SLOT guard; BUSY a frame is taken; QUOTA.
 *
 * page_copy(acct, slot, guard, ppn, va) - take a free frame as private data,
 * not zeroed but with what is in the caller's page at va.  As page_alloc
 * otherwise.
 *	Errors: NAME; SLOT, DENIED, RIGHTS (CHARGE); STATE dying; ARG ppn, va no
 *	page; SLOT guard; BUSY it is taken; QUOTA; ADDR.
 *
 * pt_companion(table, ppn) - give a fresh PT1 of mine an RMAP frame of mine.
 *	Errors: ARG; TYPE; REACH not allocated by this domain; BUSY one has
 *	its partner already.
 *
 * page_free(slot, ppn, n) - give frames back, a batch.
 *	Errors: ARG; per frame: TYPE free already, kernel, device; SLOT,
 *	DENIED, RIGHTS (FREE); BUSY mapped, in use, referenced or not empty.
 *
 * page_guard(slot, guard, ppn, n) - give a data frame the name in slot `guard`;
 * its mappings go, n at most per call: call until 0 is returned.
 *	Errors: ARG; TYPE; SLOT, DENIED, RIGHTS (GUARD); SLOT guard; BUSY the
 *	kernel writes it.  While mappings are left the frame is REGUARDING:
 *	nobody maps it, and only the holder of the new name goes on.
 *
 * page_unmap(slot, ppn, n) - by force, remove at most n of its mappings.
 *	Errors: ARG; TYPE free; SLOT, DENIED, RIGHTS (REVOKE).
 *
 * ---- page tables (DESIGN 5; pt.h has the bits)
 *
 * pt_set(tslot, table, index, pte, slot) - set one entry: map a frame (at a
 * PT1), link a table (above), change bits, or clear (pte 0).  tslot: for a
 * live table, a capability with WRITE on it; ignored for a private one.
 * slot: for a new frame READ, with W also WRITE, without NX also EXEC; for a
 * table or an RMAP frame to look at, VIEW; for linking a live table READ (W:
 * WRITE); ignored where no new right arises.
 *	Errors: TYPE table is none; ARG index (a root: 0-254), bits, ppn;
 *	EMPTY table must be emptied; REACH, FROZEN on table (private); SLOT,
 *	DENIED, RIGHTS on table (live); then on the frame or table to enter:
 *	TYPE; STATE it is being reguarded, or a PT1 lacks its companion; SLOT,
 *	DENIED, RIGHTS; REACH a private table that is not fresh and mine; EMPTY;
 *	SHARED a private frame that is mapped already (but read-only and
 *	first by the caller), or would be writable while not sole; LOOP widening
 *	a link to a table with two references; WX.
 *
 * pt_batch(tslot, table, index, n, ptes, slot) - entries index .. index+n-1
 * from the array ptes, in order; a batch of at most 512.
 *	Errors: ARG, ADDR; then as pt_set.
 *
 * pt_copy(dst, index, va, n) - copy n entries, from those that translate va
 * in the caller's own root at dst's level, into dst (private, editable by the
 * caller, empty where there is something to copy).  W is cleared in both; needs
 * no capability; absent entries are passed over.  Of a live frame only an entry
 * without W is copied, and the copy is not to be widened without asking.  A
 * batch.
 *	Errors: TYPE; ARG index, n, va, or the range leaves its table; EMPTY,
 *	REACH, FROZEN on dst; REACH va has no table at that level; SHARED that
 *	table is live; then per entry: STATE dst has no companion, or the frame
 *	is being reguarded; SHARED it is live and W is set, bound, or no data;
 *	BUSY dst entry in use.
 *
 * pt_empty(table, index, n) - clear n entries from index of an unreferenced
 * table that lost its last reference, or of one that its maker or, when the
 * maker is dead, anyone wants empty.  Result: entries still present.
 *	Errors: TYPE no table, or a live one (pt_batch empties it, by its
 *	guard); ARG; BUSY it is referenced; REACH not the maker's.
 *
 * ---- domains
 *
 * domain_create(acct, slot, guard, want, frame, root) - a domain.  want: index
 * or EXO_NONE; frame: a DOMAIN frame that this domain allocated; root: a PT4
 * likewise, unreferenced, or the caller's own root (shared from then on, and
 * so frozen).  Inherits the caller's monitor.  Result: its id.
 *	Errors: NAME; SLOT, DENIED, RIGHTS (CHARGE); STATE; SLOT guard; ARG
 *	want, frame, root; TYPE frame; REACH frame; BUSY frame; TYPE root;
 *	REACH root; EMPTY root; BUSY want is taken; FULL; QUOTA.
 *
 * domain_kill(dom, slot, word) - end a domain.  Its envs away return where
 * they can, those at home die.  word is published.
 *	Errors: NAME; SLOT, DENIED, RIGHTS (KILL); STATE dead already.
 *
 * domain_reap(dom, n) - anyone: at most n steps of a dead domain's end.  The
 * call that finds nothing left makes it ENDED, and returns 0.  Its record stays
 * in use until domain_free.
 *	Errors: NAME; STATE alive, or ended.
 *
 * domain_free(dom, slot) - free the row of an ended domain.
 *	Errors: NAME; SLOT, DENIED, RIGHTS (KILL); STATE not ended.
 *
 * domain_row(dom, slot, class, action) - set the domain's own row of a class;
 * of EPILOGUE to PASS or SELF.
 *	Errors: NAME; SLOT, DENIED, RIGHTS (CONTROL); STATE dead; ARG.
 *
 * domain_monitor(dom, slot, actions, mask, flags) - become the monitor of a
 * domain, or change my rows: actions: uint8_t[EXO_CLASSES]; mask:
 * uint64_t[2], a set bit allows that call number (reply's must be set: it only
 * gives back what a call lent); flags: EXO_MON_RELEASE my
 * death releases its clients instead of killing them; EXO_MON_DROP stop
 * monitoring.
 *	Errors: NAME; SLOT, DENIED, RIGHTS (MONITOR); STATE dead; ADDR; ARG;
 *	BUSY another monitors it, or it monitors others (their rows may change,
 *	not the mask); LOOP, or monitors more than 16 deep.
 *
 * domain_handles(dom, slot, ppn, n) - replace its handle table by n contiguous
 * HANDLES frames that this domain allocated.  The 32 places that a domain begins
 * with move along; a table of frames is replaced while it has no handle.
 *	Errors: NAME; SLOT, DENIED, RIGHTS (CONTROL); STATE; ARG; TYPE; REACH;
 *	BUSY a frame is in use, or the table is.
 *
 * domain_seats(dom, slot, ppn) - add a SEATS frame: 16 more seats.
 *	Errors: as domain_handles; FULL 64 frames.
 *
 * ---- seats and handles
 *
 * seat_bind(dom, slot, seat, args) - reserve a free seat for an env; args:
 * struct exo_seat_args.  Rebinding kills the old handles.
 *	Errors: NAME; SLOT, DENIED, RIGHTS (CONTROL); STATE dead; ARG seat; ADDR;
 *	NAME env; ARG addresses; BUSY the seat is occupied or bound (free it
 *	first); then on the upcall frame: ARG; TYPE not live data; SLOT,
 *	DENIED, RIGHTS (WRITE); BUSY bound already.
 *
 * seat_free(dom, slot, seat) - unbind a seat that nobody occupies; its handles
 * die.
 *	Errors: NAME; SLOT, DENIED, RIGHTS (CONTROL); STATE; ARG; EMPTY it is
 *	not bound; BUSY occupied.
 *
 * seat_repair(dom, slot, seat) - take an ABANDONED seat back: it is free again.
 * Result: the address, on its upcall stack, of the struct exo_regs that it was
 * left with (of an AWAY seat only rip and rsp), or 0.
 *	Errors: NAME; SLOT, DENIED, RIGHTS (CONTROL); ARG; STATE not abandoned,
 *	or the domain is dead.
 *
 * seat_handler(dom, slot, seat, whose, handle) - bind the handle in the
 * caller's place `handle` as what action ENTER of row `whose` enters from
 * this seat.  The handle moves.
 *	Errors: NAME; SLOT, DENIED, RIGHTS (CONTROL; whose 0: MONITOR and the
 *	caller is the monitor); STATE; ARG; SLOT handle; EMPTY seat unbound;
 *	DENIED the handle's seat is reserved for another env.
 *
 * handle_open(dom, slot, place, from) - let domain `from` mint one handle into
 * this place.
 *	Errors: NAME; SLOT, DENIED, RIGHTS (CONTROL); STATE; ARG place; FULL in
 *	use; NAME from.
 *
 * handle_mint(dom, slot, seat, badge, to, place) - make a handle to a bound
 * seat of dom in an opened place of domain `to`, which opened it for the
 * caller's domain or for dom.
 *	Errors: NAME; SLOT, DENIED, RIGHTS (CONTROL); STATE; ARG seat; EMPTY not
 *	bound; NAME to; ARG place; FULL.
 *
 * handle_drop(place) - empty a place of mine.
 *	Errors: ARG; SLOT empty.
 *
 * ---- PCIDs
 *
 * pcid_alloc(acct, slot, guard, pcid) - take a tag, 1 to 4095.
 *	Errors: NAME; SLOT, DENIED, RIGHTS (CHARGE); STATE; SLOT guard; NODEV;
 *	ARG; BUSY; QUOTA.
 *
 * pcid_bind(slot, pcid, dslot, dom) - bind a tag to a domain, taking it from
 * whoever has it.
 *	Errors: NODEV; ARG; TYPE free; SLOT, DENIED, RIGHTS (USE); NAME; SLOT,
 *	DENIED, RIGHTS (CONTROL); STATE; BUSY the domain has another.
 *
 * pcid_free(slot, pcid) - give it back; a domain bound to it runs on with
 * PCID 0.
 *	Errors: NODEV; ARG; TYPE; SLOT, DENIED, RIGHTS (FREE).
 *
 * ---- envs and CPU time
 *
 * env_create(acct, slot, guard, want, frame) - an env without a home; frame:
 * an ENV frame that this domain allocated.  Result: its id.
 *	Errors: NAME; SLOT, DENIED, RIGHTS (CHARGE); STATE; SLOT guard; ARG;
 *	TYPE, REACH, BUSY frame; BUSY want; FULL; QUOTA.
 *
 * env_start(env, slot, dom, dslot, seat, arg) - let it begin at the entry of
 * a seat bound to it, with rax = EXO_K_START and rdi = arg.
 *	Errors: NAME; SLOT, DENIED, RIGHTS (CONTROL); STATE not an embryo; NAME;
 *	SLOT, DENIED, RIGHTS (CONTROL); STATE dead; ARG seat; EMPTY; DENIED
 *	reserved for another; BUSY.
 *
 * env_kill(env, slot, word) - end it; when it is in a foreign domain: as soon
 * as it leaves, or the grace is over.
 *	Errors: NAME; SLOT, DENIED, RIGHTS (KILL); STATE dead.
 *
 * env_exit(word) - end the env that calls.  Returns only when refused.
 *	Errors: STATE in a foreign domain: only its home ends an env.
 *
 * env_stop(env, slot) - stop it (deferred as env_kill is).  A sleep is cut
 * short: its result is -EXO_E_CUT.
 *	Errors: NAME; SLOT, DENIED, RIGHTS (RESUME); STATE neither ready nor
 *	asleep nor suspended in a foreign domain.
 *
 * env_force_yield(env, slot) - end its slice (deferred as env_kill is) and
 * have its monitor's SLICE row see it.
 *	Errors: as env_stop; STATE it sleeps.
 *
 * env_event(env, slot, ppn, offset, fslot) - bind the event slot that action
 * SUSPEND reports this env in: of the caller's row, or of the own row of the
 * domain where it is at home; 256 bytes at offset of a live data frame; ppn 0
 * unbinds.  The caller becomes the one who may continue it, beside holders of
 * RESUME.
 *	Errors: NAME; SLOT, DENIED, RIGHTS (RESUME); STATE dead; ARG; TYPE;
 *	SLOT, DENIED, RIGHTS (WRITE) on the frame; BUSY.
 *
 * env_continue(env, slot, seq, how, regs) - answer event seq of a suspended
 * env, or start a stopped one (seq of its last event).  To give it registers,
 * or anything while it is in a foreign domain, the caller is the domain where
 * it is or a monitor of that, or the slot has CONTROL on that domain, too.
 *	Errors: NAME; SLOT, DENIED, RIGHTS (RESUME); STATE; STALE seq; DENIED,
 *	RIGHTS (CONTROL) on the domain; ARG how or rip; ADDR.
 *
 * env_regs(env, slot, regs) - copy out the registers of a stopped or suspended
 * env: struct exo_regs.
 *	Errors: NAME; SLOT, DENIED, RIGHTS (RESUME); STATE; SLOT, DENIED, RIGHTS
 *	(CONTROL) on the domain where it is, as for env_continue; ADDR.
 *
 * env_yield(env, slot, handle) - give the rest of the slice to env, or with
 * EXO_ID_ANY to whoever comes next.  slot: RUN on it; or, when handle is not
 * EXO_NONE, a handle of mine to the domain where it is.  Result: 0, when the
 * caller runs again.  A sleeper is asked at once.
 *	Errors: NAME; SLOT, DENIED, RIGHTS; STATE it is not ready, or sleeps on.
 *
 * env_sleep(args, env, slot, handle) - sleep until a predicate is true, and
 * give the rest of the slice to env as env_yield does, or to whoever comes
 * next if it can't run now.  args: struct exo_sleep, read once.  The predicate
 * is asked here first, and whenever the sleeper's slice has its turn or
 * somebody yields to it.  Result: the low 32 bits of what it says; or STALE a
 * frame of it was freed, or a window's was given another name; ADDR it left
 * its windows and stack; FUEL it ran for too long; CUT env_stop.
 *	Errors: STATE in a foreign domain; ADDR; ARG nwin or pad; on the
 *	program: ARG; TYPE; SLOT, DENIED, RIGHTS (EXEC); STATE nothing is loaded;
 *	on each window: ARG what, len, offset, a range outside the frame or the
 *	table, ppn; TYPE not live data; SLOT, DENIED, RIGHTS (READ); STALE it
 *	has another epoch; STATE it is being reguarded; then NAME; SLOT, DENIED,
 *	RIGHTS on env or handle as env_yield.
 *
 * prog_load(slot, ppn, ptr, n) - check n instructions of BPF and put them in a
 * PROG frame, once: free it and take it again for another program.
 *	Errors: ARG ppn, n (1 to EXO_PROG_MAX); TYPE; SLOT, DENIED, RIGHTS
 *	(WRITE); STATE it is loaded; ADDR; PROG they are no program.
 *
 * env_reap(env, n) - anyone: at most n steps of a dead env's end.
 *	Errors: NAME; STATE.
 *
 * env_free(env, slot) - free the row of an ended env.
 *	Errors: NAME; SLOT, DENIED, RIGHTS (KILL); STATE.
 *
 * slice_alloc(acct, slot, guard, index) - take a position of the revolution
 * (cpu * nslices + index).
 *	Errors: NAME; SLOT, DENIED, RIGHTS (CHARGE); STATE; SLOT guard; ARG;
 *	BUSY; QUOTA.
 *
 * slice_set(slot, index, env, eslot) - who runs there; env EXO_ID_ANY: nobody.
 *	Errors: ARG; TYPE free; SLOT, DENIED, RIGHTS (USE); NAME; SLOT, DENIED,
 *	RIGHTS (RUN) on env; STATE it is dead.
 *
 * slice_free(slot, index) - give it back.  What it owes stays with its account.
 *	Errors: ARG; TYPE; SLOT, DENIED, RIGHTS (FREE).
 *
 * slice_move(slot, index, into) - move it, with its env, its debt and all, to
 * position `into`; if that is taken, exchange the two.  Each has its next turn
 * where it is then, but no second one in this revolution.
 *	Errors: ARG index; TYPE free; SLOT, DENIED, RIGHTS (USE and FREE); ARG
 *	into; DENIED that one is somebody else's.
 *
 * ---- revocation (docs/revocation.md)
 *
 * revoke_ask(acct, slot, res, n, ticks) - ask an account for n of its frames,
 * slices or PCIDs (EXO_RES_*): within `ticks` its use shall be n less.
 * EXO_ACCTS[].ask shows it.  Until it is, or until the ask is withdrawn (n 0),
 * the limit comes down with the use; what was not in use goes at once.
 *	Errors: NAME; SLOT, DENIED, RIGHTS (REVOKE); ARG res, or the account has
 *	no parent; NODEV the machine has no PCIDs; STATE it or its parent is
 *	dying, or there is no ask to withdraw; BUSY it is asked already; ARG n
 *	is more than its use, or ticks less than grace_ticks or more than
 *	EXO_ASK_TICKS_MAX.
 *
 * revoke_take(acct, slot, res, first, n) - the deadline is past: take what the
 * account itself holds of first to first + n - 1 (at most EXO_STEPS_MAX), until
 * its use is down to the target.  Frames lose all mappings; those that the
 * kernel uses, and tables that are linked or not empty, are passed over.
 * Result: how many names were dealt with; 0: the first still has mappings, call
 * again.
 *	Errors: NAME; SLOT, DENIED, RIGHTS (REVOKE); ARG res, first or n; STATE
 *	it is not asked, or its time is not over.
 *
 * revoke_record(acct, slot, ppn, fslot) - have what is taken from the account
 * written down in a live data frame: struct exo_taken_ring.  Instead of the
 * frame before; ppn 0: nowhere.  It stays bound until then, or until the
 * account ends.
 *	Errors: NAME; SLOT, DENIED, RIGHTS (CHARGE); STATE dying; on the frame:
 *	ARG; TYPE not live data; SLOT, DENIED, RIGHTS (WRITE); BUSY bound
 *	already, or executable.
 *
 * ---- devices
 *
 * console_write(slot, ptr, n) - write up to 512 bytes.  Result: bytes.
 *	Errors: SLOT, DENIED, RIGHTS (WRITE); ARG n; ADDR.
 *
 * console_read(slot, ptr, n) - read what has been typed, up to 512 bytes.
 * Result: bytes; 0: nothing now.
 *	Errors: SLOT, DENIED, RIGHTS (READ); ARG; ADDR.
 *
 * machine_off(slot, status) - end the machine.  Under test the status is the
 * emulator's.  slot: USE on the machine (guarded by the root's name).
 *	Errors: SLOT, DENIED, RIGHTS (USE).
 *
 * trace_set(slot, on) - tracing of calls on or off; USE on the machine.
 *	Errors: SLOT, DENIED, RIGHTS (USE).
 *
 * ---- software regions
 *
 * region_make(slot, ppn, index, offset, len, guard) - make region `index` of a
 * REGION frame of the bytes offset .. offset+len-1 of its EXO_REGION_BYTES,
 * which are zero; offset is a multiple of 8.  Guarded by the name in slot
 * `guard`.  Result: its serial, which no other region ever has: a region is
 * named by frame << 8 | index and serial.
 *	Errors: ARG ppn; TYPE not a REGION frame; SLOT, DENIED, RIGHTS (CONTROL)
 *	on it; ARG index, offset, len; SLOT guard; BUSY the index is taken, or
 *	some of the bytes.
 *
 * region_drop(slot, region, serial) - end it; its bytes are zeroed.  slot:
 * FREE on it, or on its frame.
 *	Errors: NAME; SLOT, DENIED, RIGHTS (FREE).
 *
 * region_read(slot, region, serial, offset, ptr, n) - copy n bytes out.
 * Result: the length of the region (so n = 0 asks for it).
 *	Errors: NAME; SLOT, DENIED, RIGHTS (READ); ARG not within it; ADDR.
 *
 * region_write(slot, region, serial, offset, ptr, n) - copy n bytes in: all,
 * or none when it fails.
 *	Errors: NAME; SLOT, DENIED, RIGHTS (WRITE); ARG not within it; ADDR.
 *
 * region_cas(slot, region, serial, offset, expected, value) - compare and
 * swap.  If the eight bytes at offset, a multiple of 8, are what is at the
 * address `expected`, they become value: 1.  Else what is at that address
 * becomes what they are: 0.
 *	Errors: NAME; SLOT, DENIED, RIGHTS (READ WRITE); ARG not within it, or
 *	misaligned; ADDR.
 */
#define EXO_SYSCALLS(X)							      \
	X(0, A, enter, (uint64_t handle), (handle))			      \
	X(1, A, call, (uint64_t handle), (handle))			      \
	X(2, A, reply, (void), ())					      \
	X(3, C, null, (void), ())					      \
	X(4, F, seat_resume, (uint64_t how, uint64_t regs), (how, regs))      \
									      \
	X(8, C, acct_create, (exo_id acct, exo_slot slot, exo_slot guard,     \
	    exo_id heir, uint64_t limits),				      \
	    (acct, slot, guard, heir, limits))				      \
	X(9, C, acct_limit, (exo_id acct, exo_slot slot, uint32_t res,	      \
	    int64_t amount), (acct, slot, res, amount))			      \
	X(10, F, acct_destroy, (exo_id acct, exo_slot slot), (acct, slot))    \
	X(11, F, acct_reap, (exo_id acct, uint64_t n), (acct, n))	      \
									      \
	X(12, C, cap_derive, (exo_slot src, exo_slot dst, uint32_t rights,    \
	    uint32_t comp), (src, dst, rights, comp))			      \
	X(13, C, cap_read, (exo_slot slot, uint64_t ptr), (slot, ptr))	      \
	X(14, C, cap_drop, (exo_slot slot), (slot))			      \
	X(15, C, cap_open, (exo_slot slot, exo_id from), (slot, from))	      \
	X(16, C, cap_give, (exo_slot src, uint32_t rights, exo_id to,	      \
	    exo_slot dst), (src, rights, to, dst))			      \
	X(17, C, slots_bind, (exo_id dom, exo_slot slot, uint32_t which,      \
	    exo_ppn ppn), (dom, slot, which, ppn))			      \
	X(18, C, slots_clone, (uint32_t which, exo_ppn ppn), (which, ppn))    \
									      \
	X(20, C, page_alloc, (exo_id acct, exo_slot slot, exo_slot guard,     \
	    uint32_t kind, exo_ppn ppn, uint64_t n),			      \
	    (acct, slot, guard, kind, ppn, n))				      \
	X(21, C, page_free, (exo_slot slot, exo_ppn ppn, uint64_t n),	      \
	    (slot, ppn, n))						      \
	X(22, C, page_guard, (exo_slot slot, exo_slot guard, exo_ppn ppn,     \
	    uint64_t n), (slot, guard, ppn, n))				      \
	X(23, C, page_unmap, (exo_slot slot, exo_ppn ppn, uint64_t n),	      \
	    (slot, ppn, n))						      \
									      \
	X(24, C, pt_companion, (exo_ppn table, exo_ppn ppn), (table, ppn))    \
	X(25, C, pt_set, (exo_slot tslot, exo_ppn table, uint32_t index,      \
	    uint64_t pte, exo_slot slot), (tslot, table, index, pte, slot))   \
	X(26, C, pt_batch, (exo_slot tslot, exo_ppn table, uint32_t index,    \
	    uint64_t n, uint64_t ptes, exo_slot slot),			      \
	    (tslot, table, index, n, ptes, slot))			      \
	X(27, C, pt_copy, (exo_ppn dst, uint32_t index, uint64_t va,	      \
	    uint64_t n), (dst, index, va, n))				      \
	X(28, C, pt_empty, (exo_ppn table, uint32_t index, uint64_t n),	      \
	    (table, index, n))						      \
	X(29, C, page_copy, (exo_id acct, exo_slot slot, exo_slot guard,      \
	    exo_ppn ppn, uint64_t va), (acct, slot, guard, ppn, va))	      \
									      \
	X(32, C, domain_create, (exo_id acct, exo_slot slot, exo_slot guard,  \
	    uint32_t want, exo_ppn frame, exo_ppn root),		      \
	    (acct, slot, guard, want, frame, root))			      \
	X(33, F, domain_kill, (exo_id dom, exo_slot slot, uint64_t word),     \
	    (dom, slot, word))						      \
	X(34, F, domain_reap, (exo_id dom, uint64_t n), (dom, n))	      \
	X(35, C, domain_free, (exo_id dom, exo_slot slot), (dom, slot))	      \
	X(36, C, domain_row, (exo_id dom, exo_slot slot, uint32_t class,      \
	    uint32_t action), (dom, slot, class, action))		      \
	X(37, C, domain_monitor, (exo_id dom, exo_slot slot,		      \
	    uint64_t actions, uint64_t mask, uint32_t flags),		      \
	    (dom, slot, actions, mask, flags))				      \
	X(38, C, domain_handles, (exo_id dom, exo_slot slot, exo_ppn ppn,     \
	    uint64_t n), (dom, slot, ppn, n))				      \
	X(39, C, domain_seats, (exo_id dom, exo_slot slot, exo_ppn ppn),      \
	    (dom, slot, ppn))						      \
									      \
	X(40, C, seat_bind, (exo_id dom, exo_slot slot, uint32_t seat,	      \
	    uint64_t args), (dom, slot, seat, args))			      \
	X(41, C, seat_free, (exo_id dom, exo_slot slot, uint32_t seat),	      \
	    (dom, slot, seat))						      \
	X(42, C, seat_repair, (exo_id dom, exo_slot slot, uint32_t seat),     \
	    (dom, slot, seat))						      \
	X(43, C, seat_handler, (exo_id dom, exo_slot slot, uint32_t seat,     \
	    uint32_t whose, uint64_t handle),				      \
	    (dom, slot, seat, whose, handle))				      \
	X(44, C, handle_open, (exo_id dom, exo_slot slot, uint64_t place,     \
	    exo_id from), (dom, slot, place, from))			      \
	X(45, C, handle_mint, (exo_id dom, exo_slot slot, uint32_t seat,      \
	    uint64_t badge, exo_id to, uint64_t place),			      \
	    (dom, slot, seat, badge, to, place))			      \
	X(46, C, handle_drop, (uint64_t place), (place))		      \
									      \
	X(48, C, pcid_alloc, (exo_id acct, exo_slot slot, exo_slot guard,     \
	    uint32_t pcid), (acct, slot, guard, pcid))			      \
	X(49, C, pcid_bind, (exo_slot slot, uint32_t pcid, exo_slot dslot,    \
	    exo_id dom), (slot, pcid, dslot, dom))			      \
	X(50, C, pcid_free, (exo_slot slot, uint32_t pcid), (slot, pcid))     \
									      \
	X(52, C, env_create, (exo_id acct, exo_slot slot, exo_slot guard,     \
	    uint32_t want, exo_ppn frame), (acct, slot, guard, want, frame))  \
	X(53, C, env_start, (exo_id env, exo_slot slot, exo_id dom,	      \
	    exo_slot dslot, uint32_t seat, uint64_t arg),		      \
	    (env, slot, dom, dslot, seat, arg))				      \
	X(54, F, env_kill, (exo_id env, exo_slot slot, uint64_t word),	      \
	    (env, slot, word))						      \
	X(55, F, env_exit, (uint64_t word), (word))			      \
	X(56, F, env_stop, (exo_id env, exo_slot slot), (env, slot))	      \
	X(57, F, env_force_yield, (exo_id env, exo_slot slot), (env, slot))   \
	X(58, C, env_event, (exo_id env, exo_slot slot, exo_ppn ppn,	      \
	    uint32_t offset, exo_slot fslot),				      \
	    (env, slot, ppn, offset, fslot))				      \
	X(59, C, env_continue, (exo_id env, exo_slot slot, uint64_t seq,      \
	    uint64_t how, uint64_t regs), (env, slot, seq, how, regs))	      \
	X(60, C, env_regs, (exo_id env, exo_slot slot, uint64_t regs),	      \
	    (env, slot, regs))						      \
	X(61, F, env_yield, (exo_id env, exo_slot slot, uint64_t handle),     \
	    (env, slot, handle))					      \
	X(62, F, env_reap, (exo_id env, uint64_t n), (env, n))		      \
	X(63, C, env_free, (exo_id env, exo_slot slot), (env, slot))	      \
									      \
	X(64, C, slice_alloc, (exo_id acct, exo_slot slot, exo_slot guard,    \
	    uint32_t index), (acct, slot, guard, index))		      \
	X(65, C, slice_set, (exo_slot slot, uint32_t index, exo_id env,	      \
	    exo_slot eslot), (slot, index, env, eslot))			      \
	X(66, C, slice_free, (exo_slot slot, uint32_t index), (slot, index))  \
	X(67, C, slice_move, (exo_slot slot, uint32_t index, uint32_t into),  \
	    (slot, index, into))					      \
	X(68, C, prog_load, (exo_slot slot, exo_ppn ppn, uint64_t ptr,	      \
	    uint64_t n), (slot, ppn, ptr, n))				      \
	X(69, F, env_sleep, (uint64_t args, exo_id env, exo_slot slot,	      \
	    uint64_t handle), (args, env, slot, handle))		      \
									      \
	X(72, C, console_write, (exo_slot slot, uint64_t ptr, uint64_t n),    \
	    (slot, ptr, n))						      \
	X(73, C, console_read, (exo_slot slot, uint64_t ptr, uint64_t n),     \
	    (slot, ptr, n))						      \
	X(74, C, machine_off, (exo_slot slot, uint32_t status),		      \
	    (slot, status))						      \
	X(75, C, trace_set, (exo_slot slot, uint32_t on), (slot, on))	      \
									      \
	X(76, C, region_make, (exo_slot slot, exo_ppn ppn, uint32_t index,    \
	    uint32_t offset, uint32_t len, exo_slot guard),		      \
	    (slot, ppn, index, offset, len, guard))			      \
	X(77, C, region_drop, (exo_slot slot, exo_region region,	      \
	    uint64_t serial), (slot, region, serial))			      \
	X(78, C, region_read, (exo_slot slot, exo_region region,	      \
	    uint64_t serial, uint64_t offset, uint64_t ptr, uint64_t n),      \
	    (slot, region, serial, offset, ptr, n))			      \
	X(79, C, region_write, (exo_slot slot, exo_region region,	      \
	    uint64_t serial, uint64_t offset, uint64_t ptr, uint64_t n),      \
	    (slot, region, serial, offset, ptr, n))			      \
	X(80, C, region_cas, (exo_slot slot, exo_region region,		      \
	    uint64_t serial, uint64_t offset, uint64_t expected,	      \
	    uint64_t value), (slot, region, serial, offset, expected, value)) \
									      \
	X(82, C, revoke_ask, (exo_id acct, exo_slot slot, uint32_t res,	      \
	    uint64_t n, uint64_t ticks), (acct, slot, res, n, ticks))	      \
	X(83, C, revoke_take, (exo_id acct, exo_slot slot, uint32_t res,      \
	    uint64_t first, uint64_t n), (acct, slot, res, first, n))	      \
	X(84, C, revoke_record, (exo_id acct, exo_slot slot, exo_ppn ppn,     \
	    exo_slot fslot), (acct, slot, ppn, fslot))

enum exo_nr {
#define EXO_NR_ENUM(nr, how, name, args, names)	EXO_NR_##name = nr,
	EXO_SYSCALLS(EXO_NR_ENUM)
#undef EXO_NR_ENUM
};

#define EXO_ID_ANY		0xffffffffffffffffull
#define EXO_KIND_LIVE		0x100u	/* page_alloc: | kind */
#define EXO_ASK_TICKS_MAX	0xffffffffull	/* revoke_ask */
#define EXO_MON_RELEASE		1u
#define EXO_MON_DROP		2u

#endif
