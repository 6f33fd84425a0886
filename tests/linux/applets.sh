# applets.sh - busybox's applets, unmodified, each at its own work.

n=0
bad=0
point() {
	n=$((n + 1))
	if [ "$2" = "$3" ]; then
		echo "ok $n - $1"
	else
		bad=1
		echo "# got: $2"
		echo "# not: $3"
		echo "not ok $n - $1"
	fi
}

W=/tmp/applets
mkdir -p $W && cd $W || exit 1
seq 1 1000 >numbers

point awk_sums "$(awk '{ s += $1 } END { print s, NR }' numbers)" '500500 1000'
point sed_edits "$(seq 5 | sed -n '2,4{s/^/x/;p}' | tr '\n' ' ')" 'x2 x3 x4 '
point sed_in_place "$(cp numbers c; sed -i 's/^1000$/last/' c; tail -n 1 c)" last
point sort_numbers "$(sort -rn numbers | head -n 2 | tr '\n' ' ')" '1000 999 '
point sort_many "$(awk 'BEGIN { x = 1; for (i = 0; i < 100000; i++) {
    x = (x * 16807) % 2147483647; print x } }' >many; sort -n many |
    awk 'NR > 1 && $1 < p { bad = 1 } { p = $1 } END { print NR, bad + 0 }')" \
    '100000 0'
point uniq_counts "$(printf 'a\na\nb\n' | uniq -c | tr -s ' ' | tr '\n' ,)" \
    ' 2 a, 1 b,'
point cut_and_paste "$(printf 'a:b\nc:d\n' | cut -d: -f2 | paste -s -d+)" b+d
point tr_and_rev "$(echo hello | tr a-y b-z | rev)" pmmfi
point wc_counts "$(wc <numbers | tr -s ' ')" ' 1000 1000 3893'
point md5 "$(printf abc | md5sum)" '900150983cd24fb0d6963f7d28e17f72  -'
point sha1 "$(printf abc | sha1sum)" \
    'a9993e364706816aba3e25717850c26c9cd0d89d  -'
point sha256 "$(printf abc | sha256sum | cut -c1-16)" ba7816bf8f01cfea
point sha512 "$(printf abc | sha512sum | cut -c1-16)" ddaf35a193617aba
point crc_of_a_file "$(md5sum numbers | cut -c1-32)" \
    "$(md5sum <numbers | cut -c1-32)"
point tar_and_gzip "$(mkdir -p t/a/b; echo one >t/a/x; ln -s x t/a/l
    echo two >t/a/b/y; tar czf t.tgz t && rm -r t && tar xzf t.tgz &&
    cat t/a/l t/a/b/y && tar tzf t.tgz | sort | tr '\n' ' ')" \
    'one
two
t/ t/a/ t/a/b/ t/a/b/y t/a/l t/a/x '
point gzip_round_trip "$(gzip -c numbers >n.gz; gunzip -c n.gz | cmp - numbers &&
    zcat n.gz | wc -l)" 1000
point bzip2_round_trip "$(bzip2 -c numbers | bunzip2 -c | cmp - numbers; echo $?)" 0
point cpio_round_trip "$(find t | cpio -o -H newc 2>/dev/null >t.cpio; rm -r t
    cpio -idm <t.cpio 2>/dev/null; cat t/a/b/y)" two
point find_and_xargs "$(find t -type f | sort | xargs -n 1 cat | tr '\n' ' ')" \
    'two one '
point find_exec "$(find t -name y -exec basename {} \;)" y
point xargs_splits "$(seq 10 | xargs -n 3 echo | wc -l)" 4
point xargs_says_127 "$(echo a | xargs no-such-program 2>/dev/null; echo $?)" 127
point diff_says_what "$(printf '1\n2\n' >a; printf '1\n3\n' >b
    diff a b | tail -n 4 | tr '\n' ' ')" '@@ -1,2 +1,2 @@  1 -2 +3 '
point patch_applies "$(diff -u a b >p; cp a c; patch -p0 c <p >/dev/null; cat c |
    tr '\n' ' ')" '1 3 '
point cmp_finds "$(cmp a b)" 'a b differ: char 3, line 2'
point dd_copies "$(dd if=numbers of=d bs=100 skip=1 count=2 2>/dev/null
    wc -c <d)" 200
point dd_seeks "$(printf XY | dd of=d bs=1 seek=5 conv=notrunc 2>/dev/null
    dd if=d bs=1 skip=5 count=2 2>/dev/null; wc -c <d)" XY200
point od_and_hexdump "$(printf 'AB\n' | od -An -tx1; printf 'AB\n' |
    hexdump -C | head -n 1 | cut -c1-20)" ' 41 42 0a
00000000  41 42 0a  '
point xxd_back "$(printf hello | xxd -p | xxd -r -p)" hello
point bc_and_dc "$(echo '2^64; scale=3; 10/3' | bc | tr '\n' ' '
    echo '2 3 + p' | dc)" '18446744073709551616 3.333 5'
point expr_and_factor "$(expr 6 \* 7; factor 360)" '42
360: 2 2 2 3 3 5'
point printf_formats "$(printf '%05d|%-4s|%x|%c\n' 42 ab 255 z)" '00042|ab  |ff|z'
point tee_writes_twice "$(echo x | tee one two >/dev/null; cat one two |
    tr '\n' ' ')" 'x x '
point tac_and_nl "$(printf 'a\nb\n' | tac | nl | tr -s ' \t\n' ' ')" ' 1 b 2 a '
point fold_and_expand "$(echo abcdef | fold -w 4; printf 'a\tb\n' | expand)" \
    'abcd
ef
a       b'
point head_and_tail "$(head -c 3 numbers; tail -n +999 numbers | tr '\n' ' ')" \
    '1
2999 1000 '
point grep_kinds "$(grep -c 7 numbers; grep -E '^(1|2)0+$' numbers | wc -l
    grep -rl two t; echo aXb | grep -o X; grep -q zzz numbers; echo $?)" \
    '271
5
t/a/b/y
X
1'
point base64_round_trip "$(echo hello | base64; echo aGVsbG8K | base64 -d)" \
    'aGVsbG8K
hello'
point strings_finds "$(printf '\001\002hello world\003' | strings)" 'hello world'
point ln_and_readlink "$(ln -s t/a/x l; readlink l; readlink -f l; cat l)" \
    "t/a/x
$W/t/a/x
one"
point stat_and_du "$(truncate -s 8192 z; stat -c '%s %F %a' z; du -k t >/dev/null &&
    echo du)" '8192 regular file 644
du'
point chmod_and_ls "$(chmod 741 z; ls -l z | cut -c1-10; stat -c %a z)" \
    '-rwxr----x
741'
point touch_and_date "$(touch -d '2001-02-03 04:05:06' z; date -r z +%Y%m%d%H%M%S
    date -u -d @86400 +%F)" '20010203040506
1970-01-02'
point mktemp_makes "$(f=$(mktemp); [ -f "$f" ] && echo yes; rm $f; [ -e $f ] ||
    echo gone)" 'yes
gone'
point cp_mv_rm "$(cp -a t u; mv u v; rm -r t; find v | wc -l; cat v/a/l)" '6
one'
point mkfifo_passes "$(mkfifo f; echo through >f & cat f; wait)" through
point env_and_which "$(env -i A=1 env; which sh)" 'A=1
/bin/sh'
point timeout_ends "$(timeout 1 sleep 20; echo $?; timeout 5 true; echo $?)" \
    '143
0'
point setsid_runs "$(setsid sh -c 'echo new session')" 'new session'
point sleep_and_usleep "$(usleep 1000; sleep 0; echo awake)" awake
point watch_repeats "$(timeout 3 watch -t -n 1 echo seen 2>/dev/null |
    grep -c seen >/dev/null && echo seen)" seen
point ps_lists "$(ps -o pid,comm | grep -c '^ *1 init$')" 1
point pidof_and_killall "$(sleep 30 & p=$!; sleep 0.2; pidof sleep | grep -cw $p
    killall sleep; wait $p; echo $?)" '1
143'
point free_counts "$(free | awk '/^Mem:/ { print ($2 > 0 && $3 > 0) }')" 1
point top_runs_once "$(top -b -n1 | grep -c '^CPU:')" 1
point uptime_says "$(uptime | grep -c 'load average')" 1
point mount_lists "$(mount | grep -c ' on / ')" 1
point df_counts "$(df / | tail -n 1 | awk '{ print ($2 > 0) }')" 1
point uname_says "$(uname -s; uname -m)" 'Linux
x86_64'
point id_says "$(id -u; whoami 2>/dev/null || echo root)" '0
root'
point nproc_and_arch "$(nproc; arch)" '1
x86_64'
point the_year_is_not_1970 "$([ $(date +%Y) -ge 2024 ] && echo yes)" yes
point cal_and_date "$(cal 2 2024 | grep -c 29)" 1
point vi_edits "$(printf 'one\ntwo\n' >e
    vi -c '%s/two/three/' -c wq e </dev/null >/dev/null 2>&1; cat e)" 'one
three'
point ed_edits "$(printf 'one\ntwo\n' >e; printf '2s/two/four/\nw\nq\n' |
    ed e >/dev/null; tail -n 1 e)" four
point less_and_more "$(less numbers </dev/null | wc -l; more <e | head -n 1)" \
    '1000
one'
point ash_jobs "$(sh -c 'set -m; sleep 40 & jobs | grep -c Running
    kill -STOP %1; sleep 0.1; jobs | grep -c Stopped; kill -CONT %1
    kill %1; wait %1; echo $?' 2>/dev/null)" '1
1
147'
point ash_reads_a_file "$(while read a b; do echo "$b-$a"; done <<E
1 2
3 4
E
)" '2-1
4-3'
point test_and_bracket "$([ -d /proc -a ! -f /proc ] && [ 3 -gt 2 ] && echo yes)" \
    yes
point sync_and_true "$(sync && true && ! false && echo ok)" ok
point exo_is_published "$(hexdump -n 4 -e '1/4 "%d"' /exo/machine >/dev/null &&
    ls /exo | grep -c nosys)" 1
point few_calls_are_missing "$(grep -v 'rseq\|clone3' /exo/nosys)" ''
cd / && rm -r $W
echo 1..$n
exit $bad
