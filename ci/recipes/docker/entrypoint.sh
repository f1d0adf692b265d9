#!/bin/sh
# Brings the database to what this image needs, then becomes the application:
#
#   entrypoint.sh COMMAND [ARGUMENT...]      without a command it ends after migrating (a Job)
#
# Safe in every replica at once, with a read-only root file system, as any uid and without a home; only a
# temporary directory (TMPDIR, else /tmp) must be writable.
#
#   MIGRATE_ENV             environment of the settings; a missing URL is exit code 2 there   (production)
#   MIGRATE_START           apply: migrate first; wait: only wait until somebody else has     (apply)
#   MIGRATE_WAIT            how long to wait for another run, or for the revisions            (10m)
#   MIGRATE_WAIT_SERVER     how long to wait for the server                                   (60s)
#   MIGRATE_RETRY           exit codes after which to begin again                             (5 6)
#   MIGRATE_TRIES           how often to begin, the first time included                       (5)
#   MIGRATE_LINGER          seconds to stay before this ends without starting the application (0)
#   every other variable of migrate's settings, such as MIGRATE_CERTIFICATE
#
# By `migrate`'s exit code: 0 the application starts. 5 and 6 (the lock or the server is not to be had, nothing was
# touched) are tried again, with a pause of up to 30 s. After any other code the same start would end the same way: the
# application does not start, this ends with that code, and somebody must look. Add 1 (the answer is no) to
# MIGRATE_RETRY where this image's revisions may need those of another image that starts at the same time; 3 and 4 are
# never tried again. MIGRATE_LINGER slows down a supervisor that restarts always.
set -u

export MIGRATE_ENV="${MIGRATE_ENV:-production}"
start=${MIGRATE_START:-apply}
retry=${MIGRATE_RETRY:-5 6}
tries=${MIGRATE_TRIES:-5}
linger=${MIGRATE_LINGER:-0}
asked='' # the signal that came
child=''

say() { printf 'entrypoint: %s\n' "$1" >&2; }

pass_on() {
  asked=$1
  interrupted=yes
  [ -z "$child" ] || kill -s TERM "$child" 2>/dev/null || :
}

# Runs "$@" to its end, also when a signal comes meanwhile; its exit code. A shell runs its traps only between
# commands, so what takes time runs beside it and is waited for.
run() {
  "$@" &
  child=$!
  [ -z "$asked" ] || pass_on "$asked" # it came when there was nobody yet to pass it on to
  known=''
  while :; do
    interrupted=''
    wait "$child"
    latest=$?
    # 127 of a second wait: it had ended before the signal came, and its code is known already.
    [ "$latest" = 127 ] && [ -n "$known" ] || status=$latest
    known=yes
    [ -n "$interrupted" ] || break
  done
  child=''
  return "$status"
}

migrate_once() {
  if [ "$start" = wait ]; then
    set -- status
  else
    set -- all-modules --yes
  fi
  run migrate "$@" --wait "${MIGRATE_WAIT:-10m}" --wait-server "${MIGRATE_WAIT_SERVER:-60s}"
}

# After a signal the application is not started, whatever became of the command; 3 and 4 are worth knowing.
leave_if_asked() {
  [ -n "$asked" ] || return 0
  say "stopped by SIG$asked; the application is not started"
  case $1 in 3 | 4) exit "$1" ;; esac
  case $asked in
    HUP) exit 129 ;;
    INT) exit 130 ;;
    *) exit 143 ;;
  esac
}

meaning() {
  case $start-$1 in
    wait-1) echo 'the revisions of this image are not in yet' ;;
    *-1) echo 'the answer is no, and nothing was changed' ;;
    *-2) echo 'the address, the settings or a file is not right' ;;
    *-3) echo 'a run has failed, and everything is as it was' ;;
    *-4) echo 'a run is not settled, and a person must look' ;;
    *-5) echo 'another run holds the lock' ;;
    *-6) echo 'something cannot be reached, and nothing was touched' ;;
    *-127) echo 'there is no program migrate' ;;
    *) echo 'which was not to be expected' ;;
  esac
}

case $start in
  apply | wait) ;;
  *) say "MIGRATE_START is '$start'; wanted: apply or wait" && exit 2 ;;
esac
case $tries$linger in
  *[!0-9]*) say 'MIGRATE_TRIES and MIGRATE_LINGER are whole numbers' && exit 2 ;;
esac
case $retry in
  *[!156\ ]* | *[156][156]*) say "MIGRATE_RETRY is '$retry'; wanted: some of 1, 5 and 6" && exit 2 ;;
esac
trap 'pass_on TERM' TERM
trap 'pass_on INT' INT
trap 'pass_on HUP' HUP

try=1
pause=1
while :; do
  migrate_once
  code=$?
  leave_if_asked "$code"
  [ "$code" -ne 0 ] || break
  case " $retry " in
    *" $code "*) ;;
    *) tries=0 ;;
  esac
  if [ "$try" -ge "$tries" ]; then
    say "migrate ended with $code ($(meaning "$code")); the application is not started"
    [ "$linger" -eq 0 ] || run sleep "$linger"
    exit "$code"
  fi
  say "migrate ended with $code ($(meaning "$code")); try $((try + 1)) of $tries in $pause s"
  run sleep "$pause"
  leave_if_asked 0
  try=$((try + 1))
  pause=$((pause < 16 ? pause * 2 : 30))
done

trap - TERM INT HUP
[ $# -gt 0 ] || exit 0
exec "$@"
