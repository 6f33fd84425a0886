# script.sh - 200 lines of shell, as scripts go: functions, tests, loops,
# substitutions, pipelines, here-documents, files.  Status 0 when all was right.

set -u
umask 022
dir=/tmp/bench.$$
mkdir -p $dir/src $dir/out || exit 1
cd $dir || exit 1

fail() {
	echo "script: $1" >&2
	cd /
	rm -rf $dir
	exit 1
}

equal() {
	[ "$1" = "$2" ] || fail "$3: '$1' is not '$2'"
}

# ---- arithmetic and strings, no processes

sum=0
i=0
while [ $i -lt 100 ]; do
	i=$((i + 1))
	sum=$((sum + i))
done
equal $sum 5050 sum

gcd() {
	a=$1
	b=$2
	while [ $b -ne 0 ]; do
		t=$((a % b))
		a=$b
		b=$t
	done
	echo $a
}
equal $(gcd 1071 462) 21 gcd

path=/usr/local/share/doc/readme.txt
equal ${path##*/} readme.txt basename
equal ${path%/*} /usr/local/share/doc dirname
equal ${path#*.} txt suffix
equal ${#path} 31 length
unset nothing
equal ${nothing:-default} default default

kind() {
	case $1 in
	*.c|*.h)
		echo source
		;;
	*.o)
		echo object
		;;
	[Mm]akefile)
		echo rules
		;;
	*)
		echo other
		;;
	esac
}
equal $(kind a.c) source kind
equal $(kind b.o) object kind
equal $(kind Makefile) rules kind
equal $(kind x) other kind

# ---- files

for name in main list tree hash queue; do
	cat >src/$name.c <<-END
		/* $name.c */
		#include "$name.h"

		int
		${name}_init(void)
		{
			return 0;
		}
	END
	echo "int ${name}_init(void);" >src/$name.h
done
equal $(ls src | wc -l) 10 files
equal "$(cat src/*.h | wc -l)" 5 lines

for f in src/*.c; do
	base=${f##*/}
	base=${base%.c}
	if grep -q "${base}_init" $f; then
		sed "s/${base}_init/init_$base/" $f >out/$base.c
	else
		fail "$f has no init"
	fi
done
equal "$(grep -l init_ out/*.c | wc -l)" 5 renamed

cp src/main.c out/copy.c
mv out/copy.c out/moved.c
[ -f out/moved.c ] || fail move
[ -e out/copy.c ] && fail "it is still there"
ln -s moved.c out/link.c
equal $(readlink out/link.c) moved.c link
cmp -s src/main.c out/link.c || fail "copy differs"
rm out/link.c out/moved.c
chmod 600 out/main.c
[ -x out/main.c ] && fail "main.c runs"

# ---- pipelines

words() {
	cat <<-END
		the quick brown fox jumps over the lazy dog
		the dog sleeps and the fox runs over the hill
		and over the hill the quick fox sleeps
	END
}
most=$(words | tr ' ' '\n' | sort | uniq -c | sort -rn | head -n 1)
set -- $most
equal $1 7 count
equal $2 the word
equal "$(words | wc -w)" 27 words
equal "$(words | grep -c fox)" 3 grep
equal "$(seq 20 | awk '{ s += $1 } END { print s }')" 210 awk
equal "$(seq 9 | sed -n '3,5p' | tr -d '\n')" 345 sed
equal "$(echo a:b:c | cut -d: -f2)" b cut
equal "$(printf '%s\n' c a b | sort | tr -d '\n')" abc sort
equal "$(seq 100 | cat | cat | tail -n 1)" 100 cat

# ---- reading

n=0
total=0
while read -r name size rest; do
	n=$((n + 1))
	total=$((total + size))
	echo "$rest" >>out/rest
done <<END
one 10 first of all
two 20 second
three 30 and the third
four 40 last
END
equal $n 4 read
equal $total 100 total
equal "$(tail -n 1 out/rest)" last rest

# ---- processes

true || fail true
false && fail false
(exit 3)
equal $? 3 status
sh -c 'exit 7'
equal $? 7 "a shell's status"
(cd src && equal $PWD $dir/src "a subshell")
equal $PWD $dir "this shell"

for i in 1 2 3 4; do
	(echo $i >out/job.$i) &
done
wait
equal "$(cat out/job.* | tr -d '\n')" 1234 jobs

trap 'caught=yes' USR1
caught=no
kill -USR1 $$
equal $caught yes trap
trap - USR1

for i in 1 2 3 4 5 6 7 8 9 10; do
	echo "line $i" >>out/log
	[ $((i % 2)) -eq 0 ] && echo even >>out/even
done
equal "$(wc -l <out/log)" 10 log
equal "$(wc -l <out/even)" 5 even
equal "$(find . -type f | wc -l)" 22 find

# ---- text

upper() {
	echo "$1" | tr a-z A-Z
}
equal "$(upper abc)" ABC upper
equal "$(expr 6 \* 7)" 42 expr
equal "$(date -u -d @0 +%Y)" 1970 date
equal "$(printf '%03d' 7)" 007 printf
equal "$(basename $dir/src/main.c .c)" main basename
equal "$(echo hello | md5sum | cut -c1-4)" b194 md5sum
equal "$(seq 3 | tac | tr -d '\n')" 321 tac
equal "$(seq 3 | paste -s -d+)" 1+2+3 paste
equal "$(echo a b c | awk '{ print $NF }')" c awk
equal "$(echo x=1 | sed 's/.*=//')" 1 sed

cd /
rm -rf $dir
exit 0
