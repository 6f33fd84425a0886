# ash.sh - busybox's shell, run unmodified: what scripts live on.
# Each point is a function that is to print what is in `want'.

n=0
bad=0
point() {
	n=$((n + 1))
	got=$($1 2>&1)
	if [ "$got" = "$2" ]; then
		echo "ok $n - $1"
	else
		bad=1
		echo "# got: $got"
		echo "# not: $2"
		echo "not ok $n - $1"
	fi
}

a_pipeline() { echo hello | tr a-z A-Z | sed s/L/l/g | cat; }
a_long_pipeline() { seq 1000 | cat | cat | cat | cat | tail -n 1; }
much_through_a_pipe() { dd if=/dev/zero bs=1000 count=300 2>/dev/null | wc -c; }
here_document() {
	x=1
	cat <<-E | tr a b
		a $x
		$((x + 1))
	E
}
redirections() {
	cd /tmp
	echo one >f
	echo two >>f
	cat <f
	ls nothing 2>&1 >/dev/null | wc -l
	{ echo three; echo four >&2; } 2>g | cat
	cat g
	rm f g
}
substitution() { echo "$(echo a; echo $(echo b))"; }
background_and_wait() {
	(sleep 1; echo late) &
	echo soon
	wait
}
status_of_a_child() {
	sh -c 'exit 7'
	echo $?
	sh -c 'kill -9 $$'
	echo $?
	nothing-of-that-name 2>/dev/null
	echo $?
	/tmp 2>/dev/null
	echo $?
}
a_trap() {
	sh -c 'trap "echo caught; exit 3" TERM; kill $$; sleep 5'
	echo $?
}
a_trap_at_exit() { sh -c 'trap "echo bye" EXIT; echo hi'; }
a_killed_sleeper() {
	sleep 100 &
	kill $!
	wait $!
	echo $?
}
five_hundred_commands() {
	i=0
	while [ $i -lt 500 ]; do
		/bin/true || echo false
		i=$((i + 1))
	done
	echo $i
}
find_and_sort() {
	mkdir -p /tmp/a/b/c
	touch /tmp/a/x /tmp/a/b/y
	find /tmp/a | sort
	rm -r /tmp/a
	ls /tmp
}
xargs_and_awk() {
	seq 10 | xargs -n 3 echo | awk '{ s += $1 } END { print s }'
}
a_fifo() {
	mkfifo /tmp/p
	echo through >/tmp/p &
	cat /tmp/p
	wait
	rm /tmp/p
}
tar_and_gzip() {
	cd /tmp
	mkdir t
	seq 5000 >t/numbers
	tar cf - t | gzip >t.tar.gz
	rm -r t
	zcat t.tar.gz | tar xf -
	tail -n 1 t/numbers
	md5sum <t/numbers
	rm -r t t.tar.gz
}
read_and_loops() {
	printf 'a 1\nb 2\n' | while read k v; do
		case $k in
		a) echo "$v is a" ;;
		*) echo "$v is other" ;;
		esac
	done
}
a_subshell_has_its_own() {
	v=1
	(v=2; cd /tmp; echo $v $PWD)
	echo $v
}
others_scripts() {
	printf '#!/bin/sh\necho script $0 $1\n' >/tmp/s
	chmod +x /tmp/s
	/tmp/s arg
	rm /tmp/s
}

echo 1..20
point a_pipeline HEllO
point a_long_pipeline 1000
point much_through_a_pipe 300000
point here_document 'b 1
2'
point redirections 'one
two
1
three
four'
point substitution 'a
b'
point background_and_wait 'soon
late'
point status_of_a_child '7
Killed
137
127
126'
point a_trap 'caught
3'
point a_trap_at_exit 'hi
bye'
point a_killed_sleeper 'Terminated
143'
point five_hundred_commands 500
point find_and_sort '/tmp/a
/tmp/a/b
/tmp/a/b/c
/tmp/a/b/y
/tmp/a/x'
point xargs_and_awk 22
point a_fifo through
point tar_and_gzip "5000
$(seq 5000 | md5sum)"
point read_and_loops '1 is a
2 is other'
point a_subshell_has_its_own '2 /tmp
1'
point others_scripts 'script /tmp/s arg'
point pwd /
exit $bad
