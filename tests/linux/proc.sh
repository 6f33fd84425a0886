# proc.sh - /proc and /exo, as programs and people read them.

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

point status_names_it "$(grep -E '^(Name|Umask|Tgid)' /proc/self/status |
    tr -s '\t' ' ' | sed 's/Tgid: [0-9]*/Tgid/')" 'Name: grep
Umask: 0022
Tgid'
point status_says_who "$(grep -E '^(Uid|Gid)' /proc/1/status)" \
    "$(printf 'Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0')"
point stat_has_its_fields "$(wc -w </proc/self/stat)" 52
point cmdline_has_nuls "$(tr '\000' ' ' </proc/self/cmdline)" 'tr \000   '
point links_lead_somewhere "$(cd /tmp; readlink /proc/self/cwd
    readlink /proc/self/root; readlink /proc/self/exe)" '/tmp
/
/bin/busybox'
point descriptors_have_paths "$(echo a >/tmp/pf; readlink /proc/self/fd/0 </tmp/pf
    ln -s pf /tmp/pl; readlink /proc/self/fd/0 </tmp/pl; rm /tmp/pl)" '/tmp/pf
/tmp/pf'
point maps_show_the_stack "$(grep -c 'rw-p.*stack' /proc/self/maps)" 1
point maps_show_the_program "$(head -n 1 /proc/self/maps | cut -c1-9)" 00400000-
point limits_are_a_table "$(grep -c '^Max' /proc/self/limits
    grep 'open files' /proc/self/limits | tr -s ' ')" '16
Max open files 256 256 files'
point memory_adds_up "$(awk '/MemTotal/ { t = $2 } /MemFree/ { f = $2 }
    END { print (f > 0 && f < t) }' /proc/meminfo)" 1
point uptime_grows "$(a=$(cut -d. -f1 /proc/uptime); sleep 2
    b=$(cut -d. -f1 /proc/uptime); [ $b -gt $a ] && echo yes)" yes
point boot_time_is_in_this_century "$(awk '/btime/ { print ($2 > 1700000000) }' \
    /proc/stat)" 1
point all_processes_are_there "$(sleep 9 & p=$!; ls /proc | grep -cx $p
    kill $p)" 1
point the_dead_are_not "$(sh -c 'echo $$' >/tmp/pf; ls -d /proc/$(cat /tmp/pf) \
    2>/dev/null | wc -l)" 0
point published_tables_have_sizes "$([ $(wc -c </exo/machine) -ge 400 ] &&
    [ $(wc -c </exo/pages) -ge 1000000 ] && echo yes)" yes
point tables_are_read_by_hexdump "$(hexdump -n 8 -e '2/4 "%u "' /exo/machine |
    awk '{ print ($1 > 0 && $2 == 1) }')" 1
point missing_calls_are_counted "$(unshare -n true 2>/dev/null
    grep -c unshare /exo/nosys)" 1
point nothing_there_is_written "$( (echo x >/proc/version) 2>/dev/null ||
    echo refused)" refused
rm -f /tmp/pf
echo 1..$n
exit $bad
