# shells.sh - Debian's static bash, zsh and sash, run unmodified.

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

echo 1..8
point bash_says_hello "$(bash -c 'echo hello from bash')" 'hello from bash'
point bash_arrays_and_arithmetic \
    "$(bash -c 'a=(3 1 2); s=0; for i in ${a[@]}; do ((s += i)); done; echo $s ${#a[@]} ${a[-1]}')" \
    '6 3 2'
point bash_pipelines "$(bash -c 'seq 100 | while read x; do ((x % 7)) || echo $x; done | wc -l; echo ${PIPESTATUS[0]}')" '14
0'
point bash_traps "$(bash -c 'trap "echo got it; exit 4" USR1; kill -USR1 $$; sleep 3'; echo $?)" 'got it
4'
point bash_here_strings "$(bash -c 'tr a b <<< banana')" bbnbnb
point bash_regex "$(bash -c '[[ abc123 =~ ([0-9]+) ]] && echo ${BASH_REMATCH[1]}')" 123
point zsh_globs "$(zsh -c 'cd /; print -l d*(/) | head -n 1; echo ${(U):-abc}')" 'dev
ABC'
point sash_builtins "$(sash -c '-echo one'; sash -c '-sum /etc/none' 2>&1)" \
    'one
/etc/none: No such file or directory'
exit $bad
