#!/usr/bin/env python3
"""Small-scope model of the rules for sharing page tables.

Distrusting domains, three levels (root -> L2 -> L1 -> frame), every sequence
of checked calls up to a depth, in several scopes.  Checked after each call:

  P1  a frame that some domain can write is mapped at one address of one
      domain;
  P2  a call by one domain changes no translation of another, forks aside;
  P3  a domain reaches a frame only if it mapped it fresh or was given it at
      a fork, and nobody else could write it since: nobody sees another's
      writes.

With --without RULE one rule is left out, and the run must then find a
sequence that breaks a property: the test of the test.

usage: sharing.py [--scope NAME] [--depth N | --deeper N] [--without RULE]
       exit status 0: no counterexample; 1: one, printed; 2: usage

A private root has one entry here.  Live tables and frames, forced removal
and the TLB are outside this model.
"""
import sys
import time
from collections import namedtuple

RULES = {
    'reach': 'a private table is edited only by a domain whose root reaches '
             'it by an exclusive path, or, unreferenced, by its maker',
    'frozen': 'an entry of a table with a shared ancestor-or-self is not '
              'changed',
    'clear': 'pt_copy clears W in the source entry too',
    'exclusive': 'a frame becomes writable only if its entry is sole and the '
                 'path exclusive',
    'second': 'a frame with a writable entry takes no second mapping',
    'widen': 'a link is widened only if the table below has one reference',
    'empty': 'a table that loses its last reference is emptied before anyone '
             'links or edits it again',
    'guard': 'who has the guard of a frame that is mapped already maps it '
             'again, read-only, only if he reaches it by an exclusive path',
}

# steps: a dead table is emptied entry by entry, by anyone, at any time;
# otherwise at once.
# guards: who mapped a frame fresh has its guard, and may map it again.
Scope = namedtuple('Scope', 'domains l2 l2_entries l1 l1_entries frames '
                            'steps depth guards', defaults=(False,))
SCOPES = {
    'narrow': Scope(2, 3, 1, 3, 1, 2, False, 7),
    'leaves': Scope(2, 2, 1, 3, 2, 3, False, 6),
    'middle': Scope(2, 2, 2, 3, 1, 2, False, 7),
    'domains': Scope(3, 3, 1, 3, 1, 2, False, 6),
    'steps': Scope(2, 2, 1, 3, 1, 2, True, 7),
    'guards': Scope(2, 2, 1, 3, 1, 2, False, 9, True),
}


# An entry is NONE or index * 2 + W.  A table is None (no such table) or
# (maker, dead, entry, ...).  `knows` is a set of frames per domain, as bits;
# `owner` is who mapped each frame fresh.
NONE = -1
State = namedtuple('State', 'roots l2 l1 knows owner')


def put(tup, i, value):
    return tup[:i] + (value,) + tup[i + 1:]


class Model:
    def __init__(self, scope, off=()):
        self.scope = scope
        self.off = frozenset(off)

    def on(self, rule):
        return rule not in self.off

    def start(self):
        """Domain 0 has one writable frame."""
        s = self.scope
        return State(
            (1,) + (NONE,) * (s.domains - 1),
            ((0, False, 1) + (NONE,) * (s.l2_entries - 1),) +
            (None,) * (s.l2 - 1),
            ((0, False, 1) + (NONE,) * (s.l1_entries - 1),) +
            (None,) * (s.l1 - 1),
            (1,) + (0,) * (s.domains - 1), (0,) * s.frames)

    # ------------------------------------------------------- what is so

    @staticmethod
    def refs(entries_of, count):
        """How many entries name each of `count` things."""
        refs = [0] * count
        for entries in entries_of:
            for e in entries:
                if e >= 0:
                    refs[e >> 1] += 1
        return refs

    def refs_l2(self, s):
        return self.refs([s.roots], self.scope.l2)

    def refs_l1(self, s):
        return self.refs((t[2:] for t in s.l2 if t), self.scope.l1)

    def maps(self, s):
        return self.refs((t[2:] for t in s.l1 if t), self.scope.frames)

    def view(self, s, d):
        """The translations of domain d, by address: frame * 2 + W."""
        out = []
        root = s.roots[d]
        if root == NONE:
            return ()
        for e2 in s.l2[root >> 1][2:]:
            if e2 == NONE:
                out += [NONE] * self.scope.l1_entries
                continue
            w = root & e2 & 1
            out += [e1 if w or e1 == NONE else e1 & ~1
                    for e1 in s.l1[e2 >> 1][2:]]
        return tuple(out)

    def views(self, s):
        return [self.view(s, d) for d in range(self.scope.domains)]

    # ------------------------------------------------------------- calls

    def successors(self, s):
        """(call, by whom, next state, domains whose view may change)."""
        refs2, refs1 = self.refs_l2(s), self.refs_l1(s)
        facts = refs2, refs1, self.paths_exclusive(s, refs2, refs1)
        for d in range(self.scope.domains):
            yield from self.root_calls(s, d, refs2)
            yield from self.table_calls(s, d, refs2, refs1)
            yield from self.l2_calls(s, d, facts)
            yield from self.l1_calls(s, d, facts)
        if self.scope.steps:
            yield from self.empty_calls(s)

    @staticmethod
    def paths_exclusive(s, refs2, refs1):
        """Of each L1 table: has it and what is above it one reference?"""
        out = [n <= 1 for n in refs1]
        for t, table in enumerate(s.l2):
            if table and refs2[t] > 1:
                for e in table[2:]:
                    if e >= 0:
                        out[e >> 1] = False
        return out

    def root_calls(self, s, d, refs2):
        root = s.roots[d]
        for t, table in enumerate(s.l2):
            if table and table[0] == d and refs2[t] == 0 and not table[1]:
                yield (f'link L2 {t}', d,
                       s._replace(roots=put(s.roots, d, t * 2 + 1)), (d,))
        if root == NONE:
            return
        yield 'drop', d, s._replace(roots=put(s.roots, d, NONE)), (d,)
        if root & 1:
            yield ('narrow root', d,
                   s._replace(roots=put(s.roots, d, root & ~1)), (d,))
        if not root & 1 and (refs2[root >> 1] == 1 or not self.on('widen')):
            yield ('widen root', d,
                   s._replace(roots=put(s.roots, d, root | 1)), (d,))
        for o in range(self.scope.domains):
            if s.roots[o] == NONE:
                roots = put(put(s.roots, d, root & ~1), o, root & ~1)
                yield f'fork to {o}', d, s._replace(roots=roots), (d, o)

    def table_calls(self, s, d, refs2, refs1):
        """Make tables, and free those that are unreferenced and empty."""
        for name, tables, refs, entries in (
                ('l2', s.l2, refs2, self.scope.l2_entries),
                ('l1', s.l1, refs1, self.scope.l1_entries)):
            empty = (NONE,) * entries
            if None in tables:
                t = tables.index(None)
                made = put(tables, t, (d, False) + empty)
                yield f'new {name} {t}', d, s._replace(**{name: made}), ()
            for t, table in enumerate(tables):
                if table and table[0] == d and not refs[t] and \
                        table[2:] == empty:
                    freed = put(tables, t, None)
                    yield (f'free {name} {t}', d,
                           s._replace(**{name: freed}), ())

    def may_edit(self, table, d, refs, exclusive, reached):
        if refs == 0:
            return table[0] == d and not table[1]
        if self.on('frozen') and not exclusive:
            return False
        return reached or (not self.on('reach') and table[0] == d)

    def l2_calls(self, s, d, facts):
        refs2, refs1, _ = facts
        source = s.roots[d] >> 1 if s.roots[d] != NONE else None
        for t, table in enumerate(s.l2):
            if not table or not self.may_edit(table, d, refs2[t],
                                              refs2[t] <= 1, t == source):
                continue
            for i, e in enumerate(table[2:]):
                yield from self.l2_entry_calls(s, d, t, i, e, refs1)
                if source is not None:
                    yield from self.copies(s, d, 'l2', t, i, source)

    def l2_entry_calls(self, s, d, t, i, e, refs1):
        def entry(value):
            return s._replace(l2=put(s.l2, t, put(s.l2[t], i + 2, value)))
        if e != NONE:
            yield f'unlink {t}[{i}]', d, entry(NONE), (d,)
            if e & 1:
                yield f'narrow {t}[{i}]', d, entry(e & ~1), (d,)
            elif refs1[e >> 1] == 1 or not self.on('widen'):
                yield f'widen {t}[{i}]', d, entry(e | 1), (d,)
        for u, table in enumerate(s.l1):
            if table and table[0] == d and refs1[u] == 0 and not table[1]:
                yield f'link L1 {u} at {t}[{i}]', d, entry(u * 2 + 1), (d,)

    def l1_calls(self, s, d, facts):
        _, refs1, exclusive = facts
        root = s.roots[d]
        reach = [] if root == NONE else \
            [e >> 1 for e in s.l2[root >> 1][2:] if e != NONE]
        maps = self.maps(s)
        for t, table in enumerate(s.l1):
            if not table or not self.may_edit(table, d, refs1[t],
                                              exclusive[t], t in reach):
                continue
            for i, e in enumerate(table[2:]):
                yield from self.l1_entry_calls(s, d, t, i, e, maps,
                                               exclusive, reach)
                for source in dict.fromkeys(reach):
                    yield from self.copies(s, d, 'l1', t, i, source)

    def l1_entry_calls(self, s, d, t, i, e, maps, exclusive, reach):
        def entry(value, owner=s.owner):
            return s._replace(l1=put(s.l1, t, put(s.l1[t], i + 2, value)),
                              owner=owner)
        if e != NONE:
            yield f'unmap {t}[{i}]', d, entry(NONE), (d,)
            sole = maps[e >> 1] == 1 and exclusive[t]
            if e & 1:
                yield f'make read-only {t}[{i}]', d, entry(e & ~1), (d,)
            elif sole or not self.on('exclusive'):
                yield f'make writable {t}[{i}]', d, entry(e | 1), (d,)
        for f in range(self.scope.frames):
            if maps[f] == 0:
                yield (f'map new {f} at {t}[{i}]', d,
                       entry(f * 2 + 1, put(s.owner, f, d)), (d,))
            elif self.scope.guards and s.owner[f] == d and \
                    not self.writable(s, f) and \
                    (not self.on('guard') or
                     any(exclusive[r] and f * 2 in s.l1[r][2:]
                         for r in reach)):
                yield f'map own {f} at {t}[{i}]', d, entry(f * 2), (d,)

    @staticmethod
    def writable(s, f):
        return any(f * 2 + 1 in t[2:] for t in s.l1 if t)

    def copies(self, s, d, name, t, i, source):
        """pt_copy of one entry of a table that d's root reaches."""
        tables = getattr(s, name)
        for j, e in enumerate(tables[source][2:]):
            if e == NONE or (source, j) == (t, i):
                continue
            copied = put(tables, t, put(tables[t], i + 2, e & ~1))
            cleared = put(copied, source,
                          put(copied[source], j + 2, e & ~1))
            where = f'{name} {source}[{j}] to {t}[{i}]'
            yield (f'copy {where}', d, s._replace(
                **{name: cleared if self.on('clear') else copied}), (d,))
            if name == 'l1' and not self.on('second'):
                yield f'map twice {where}', d, s._replace(l1=copied), (d,)

    def empty_calls(self, s):
        """One step of emptying a dead table, by anyone: here by nobody."""
        for name in ('l2', 'l1'):
            for t, table in enumerate(getattr(s, name)):
                if table and table[1]:
                    i = next(i for i, e in enumerate(table[2:]) if e != NONE)
                    table = self.revives(put(table, i + 2, NONE))
                    tables = put(getattr(s, name), t, table)
                    yield (f'empty {name} {t}[{i}]', None,
                           s._replace(**{name: tables}), ())

    # -------------------------------------------------- what follows

    def settle(self, s, n):
        """Tables that lost their last reference die: s -> n was a call."""
        if not self.on('empty'):
            return n
        if n.roots is not s.roots:
            n = n._replace(l2=self.deaths(n.l2, self.refs_l2(s),
                                          self.refs_l2(n)))
        if n.l2 is not s.l2:
            n = n._replace(l1=self.deaths(n.l1, self.refs_l1(s),
                                          self.refs_l1(n)))
        return n

    def deaths(self, tables, before, after):
        return tuple(self.dies(t) if t and before[i] and not after[i] else t
                     for i, t in enumerate(tables))

    def dies(self, table):
        entries = table[2:] if self.scope.steps else \
            (NONE,) * len(table[2:])
        return self.revives((table[0], self.scope.steps) + entries)

    @staticmethod
    def revives(table):
        """A dead table with no entries left may be used again."""
        empty = table[2:] == (NONE,) * len(table[2:])
        return (table[0], table[1] and not empty) + table[2:]

    def learn(self, s, n, call, who, may, views):
        """Who has had which frame since another could write it."""
        knows = list(n.knows)
        if call.startswith('map new'):      # zeroed: known to one
            before = self.maps(s)
            for f, count in enumerate(self.maps(n)):
                if count and not before[f]:
                    knows = [k & ~(1 << f) for k in knows]
                    knows[who] |= 1 << f
        elif call.startswith('fork'):
            for e in views[may[1]]:
                if e != NONE:
                    knows[may[1]] |= 1 << (e >> 1)
        return n._replace(knows=tuple(knows))

    def forget(self, n, views):
        """What one domain can write, the others no longer know."""
        knows = list(n.knows)
        for d, view in enumerate(views):
            for e in view:
                if e != NONE and e & 1:
                    for o in range(self.scope.domains):
                        if o != d:
                            knows[o] &= ~(1 << (e >> 1))
        for f, count in enumerate(self.maps(n)):
            if count == 0:                  # will be zeroed when mapped
                knows = [k & ~(1 << f) for k in knows]
        return n._replace(knows=tuple(knows))

    @staticmethod
    def bad(n, old, new, who, may):
        """The property that the call broke, or None."""
        for d, view in enumerate(new):
            for e in view:
                if e != NONE and e & 1:
                    at = sum(v.count(e) + v.count(e & ~1) for v in new)
                    if at != 1:
                        return (f'P1: frame {e >> 1} is writable in domain '
                                f'{d} and mapped {at} times')
        for d, view in enumerate(new):
            if d != who and d not in may and view != old[d]:
                return (f'P2: domain {d} changed from {old[d]} to {view} by '
                        f'a call of {who}')
        for d, view in enumerate(new):
            for e in view:
                if e != NONE and not n.knows[d] >> (e >> 1) & 1:
                    return (f'P3: domain {d} reaches frame {e >> 1}, which '
                            'it never had, or not since another wrote it')
        return None

    # ------------------------------------------------------------- search

    def canon(self, s):
        """s with its tables and frames renamed in the order of a walk."""
        l2 = self.order([s.roots], s.l2)
        l1 = self.order((s.l2[t][2:] for t in l2 if s.l2[t]), s.l1)
        frames = self.order((s.l1[t][2:] for t in l1 if s.l1[t]),
                            s.owner)
        new2, new1, newf = map(self.inverse, (l2, l1, frames))

        def renamed(entries, new):
            return tuple(e if e == NONE else new[e >> 1] * 2 + (e & 1)
                         for e in entries)
        return State(
            renamed(s.roots, new2),
            tuple(s.l2[t] and s.l2[t][:2] + renamed(s.l2[t][2:], new1)
                  for t in l2),
            tuple(s.l1[t] and s.l1[t][:2] + renamed(s.l1[t][2:], newf)
                  for t in l1),
            tuple(sum((k >> f & 1) << i for i, f in enumerate(frames))
                  for k in s.knows),
            tuple(s.owner[f] for f in frames)
            if self.scope.guards else s.owner)

    @staticmethod
    def order(entries_of, things):
        """Indices of things: those named first, then what there is."""
        out = {}
        for entries in entries_of:
            for e in entries:
                if e != NONE:
                    out[e >> 1] = None
        rest = [i for i in range(len(things)) if i not in out]
        rest.sort(key=lambda i: things[i] is None)
        return [*out, *rest]

    @staticmethod
    def inverse(order):
        out = [0] * len(order)
        for new, old in enumerate(order):
            out[old] = new
        return out

    def steps(self, s):
        """(call, by whom, next state, why it is bad or None)."""
        old = self.views(s)
        for call, who, n, may in self.successors(s):
            n = self.settle(s, n)
            new = self.views(n)
            n = self.learn(s, n, call, who, may, new)
            why = self.bad(n, old, new, who, may)
            yield call, who, self.forget(n, new), why

    def search(self, depth):
        """(number of states, None or a counterexample in lines)."""
        first = self.canon(self.start())
        seen, level = {first: None}, [first]
        for n in range(depth):
            todo, level = level, []
            for s in todo:
                for call, who, nxt, why in self.steps(s):
                    if why:
                        return len(seen), self.story(seen, s, why)
                    key = self.canon(nxt)
                    if key not in seen:
                        seen[key] = s
                        level.append(key)
        return len(seen), None

    def story(self, seen, last, why):
        """Replay the way to `last` and over it, with names that stay."""
        keys = [last]
        while seen[keys[-1]] is not None:
            keys.append(seen[keys[-1]])
        s, lines = self.start(), []
        for key in reversed(keys[:-1]):
            call, who, s = next((c, w, n) for c, w, n, _ in self.steps(s)
                                if self.canon(n) == key)
            lines.append(f'{who}: {call}')
        call, who, why = next((c, w, y) for c, w, _, y in self.steps(s) if y)
        return lines + [f'{who}: {call}', why]


def scope_run(name, depth=None, deeper=0, off=()):
    """Search one scope; (text, counterexample or None)."""
    scope = SCOPES[name]
    depth = (depth or scope.depth) + deeper
    begin = time.monotonic()
    states, story = Model(scope, off).search(depth)
    took = time.monotonic() - begin
    text = f'{name}: {states} states to depth {depth}, {took:.1f} s'
    return text, story


def tap_run(points):
    """TAP for (name, scope, rules left out, must it break?) in a row."""
    print(f'1..{len(points)}')
    bad = 0
    for n, (name, scope, off, breaks) in enumerate(points, 1):
        text, story = scope_run(scope, off=off)
        print('#', text)
        ok = bool(story) == breaks
        bad += not ok
        if not ok:
            print(*(f'#   {line}' for line in story or ['no counterexample']),
                  sep='\n')
        print('ok' if ok else 'not ok', n, '-', name, flush=True)
    return bad > 0


def usage():
    print(__doc__)
    print('Rules:', *(f'  {k}: {v}' for k, v in RULES.items()), sep='\n')
    print('Scopes:', ', '.join(SCOPES))
    return 2


def main(argv):
    names, off, depth, deeper = list(SCOPES), [], None, 0
    while argv:
        if len(argv) < 2:
            return usage()
        option, value, *argv = argv
        if option == '--scope' and value in SCOPES:
            names = [value]
        elif option == '--without' and value in RULES:
            off.append(value)
        elif option == '--depth' and value.isdigit():
            depth = int(value)
        elif option == '--deeper' and value.isdigit():
            deeper = int(value)
        else:
            return usage()
    for name in names:
        text, story = scope_run(name, depth, deeper, off)
        print(text, flush=True)
        if story:
            print('counterexample:', *story, sep='\n  ')
            return 1
    print('P1, P2 and P3 hold')
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
