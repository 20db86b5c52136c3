#!/usr/bin/env bash
# The tests in stages, each with its seconds: tests/run.sh [long|arm64]
# A failing build ends the run; a failing stage of tests is remembered, so that one run tells all.
set -uo pipefail
cd "$(dirname "$0")/.."

which=${1-}
jobs=${JOBS:-$(nproc)}
sim_seconds=60 sim_seeds=7000
sanitized_sim_seconds=20 sanitized_model_seeds=300
if [ "$which" = long ]; then
  sim_seconds=3600 sim_seeds=100000
  sanitized_sim_seconds=300 sanitized_model_seeds=1500
fi
failed=()
report=()
mkdir -p build

# GCC 12's ThreadSanitizer cannot place its shadow under the address randomisation of newer
# kernels. Building needs it too: CMake asks each new test binary for its tests.
prefix_for() {  # PRESET
  if [ "$1" = tsan ] && setarch -R true 2>/dev/null; then prefix=(setarch -R); else prefix=(); fi
}

# While something waits most of its time, what is built next is built out of its way; build() tells
# what became of it.
build_ahead() {  # PRESET SIM_SECONDS [TARGET]
  (renice -n 19 $BASHPID && build "$@") >/dev/null 2>&1 &
}

build() {  # PRESET SIM_SECONDS [TARGET]
  local options=(--preset "$1" -DLASTSEEN_SIM_SECONDS="$2" -DLASTSEEN_SIM_SEEDS="$sim_seeds")
  wait  # for build_ahead()
  if [ "$1" = release ]; then options+=(-DLASTSEEN_TESTS=ON); fi  # users build it without
  { cmake "${options[@]}" || cmake --fresh "${options[@]}"; } >"build/$1.configure.log" 2>&1 ||
    { cat "build/$1.configure.log"; return 1; }
  prefix_for "$1"
  "${prefix[@]}" cmake --build --preset "$1" -j "$jobs" ${3:+--target "$3"} \
    >"build/$1.build.log" 2>&1 ||
    { tail -n 80 "build/$1.build.log"; return 1; }
}

joined() {  # PID LOG
  local status
  wait "$1"
  status=$?
  cat "$2"
  return $status
}

unit_tests() {  # PRESET [ARGUMENTS OF CTEST...]
  local preset=$1
  shift
  prefix_for "$preset"
  "${prefix[@]}" ctest --preset "$preset" "$@" -j "$jobs" --quiet \
    --output-log "build/$preset.ctest.log" --output-junit "$PWD/build/$preset.ctest.xml"
  local status=$?
  if [ $status != 0 ]; then
    grep -v ' Passed ' "build/$preset.ctest.log" | tail -n 200
  else
    grep 'tests passed' "build/$preset.ctest.log"
  fi
  return $status
}

stage() {  # NAME COMMAND...
  local name=$1 start=$SECONDS status
  shift
  printf '\n== %s\n' "$name"
  "$@"
  status=$?
  report+=("$(printf '%-34s %5d s  %s' "$name" $((SECONDS - start)) \
    "$([ $status = 0 ] && echo ok || echo FAILED)")")
  printf -- '-- %s: %d s\n' "$name" $((SECONDS - start))
  if [ $status != 0 ]; then
    failed+=("$name")
    case "$name" in build*) finish ;; esac
  fi
}

finish() {
  printf '\n== stages\n'
  printf '%s\n' "${report[@]}"
  # The summaries of the runners once more, so that the last lines tell the whole story.
  printf '\n'
  for log in build/*.ctest.log; do
    [ "$log" -nt build/run.started ] && grep 'tests passed' "$log"
  done
  [ build/e2e.log -nt build/run.started ] && tail -n 1 build/e2e.log
  if [ ${#failed[@]} != 0 ]; then
    printf 'FAILED: %s\n' "${failed[@]}"
    exit 1
  fi
  exit 0
}

end_to_end() {  # BINARY [ARGUMENTS OF PYTEST...]
  local binary=$1 prefix
  shift
  prefix_for "$(basename "$(dirname "$binary")")"
  LASTSEEN=$PWD/$binary "${prefix[@]}" /usr/bin/python3 -m pytest tests/e2e \
    -p no:cacheprovider -q --durations=5 "$@" 2>&1 | tee build/e2e.log
}

# The package once more, without what a compiler cache remembers, gives the same bytes.
same_package_again() {
  (cd build/package && sha256sum ./*.deb ./*.rpm) >build/package.sums &&
    CCACHE_DISABLE=1 make --no-print-directory package JOBS="$jobs" &&
    (cd build/package && sha256sum --check ../package.sums)
}

# Both the tests and the program, optimised as users have it, under an emulator. A program that runs
# end to end is one file for the tests; what looks into /proc would see the emulator.
arm64() {
  stage 'build arm64 libraries' packaging/arm64/sysroot.sh
  stage 'build arm64' build arm64 "$sanitized_sim_seconds"
  LASTSEEN_SEEDS=100 stage 'arm64' unit_tests arm64
  printf '#!/bin/sh\nexec qemu-aarch64 -L %q %q "$@"\n' "$PWD/build/arm64/root" \
    "$PWD/build/arm64/lastseen" >build/arm64/under-qemu
  chmod +x build/arm64/under-qemu
  LASTSEEN_E2E_NATIVE=$PWD/build/lastseen LASTSEEN_E2E_PATIENCE=5 \
    stage 'arm64 end to end' end_to_end build/arm64/under-qemu -n "$jobs" --dist loadscope \
    -k 'test_corpus or test_other_machine or test_cli or test_parse or test_golden or test_crash'
}

touch build/run.started
sleep 0.01

if [ "$which" = arm64 ]; then
  stage 'build release' make --no-print-directory build JOBS="$jobs"
  arm64
  finish
fi

stage 'house rules' tests/tidy.py
stage 'house rules can fail' tests/tidy.py --self-test
# What is tested is what users run: the objects of the release, so they are compiled once.
stage 'build release' build release "$sim_seconds"
stage 'unit, conformance, corpus, sim' unit_tests release
stage 'build for users' make --no-print-directory build JOBS="$jobs"
stage 'instruction budget' tests/bench/budget.py
# Mostly it waits for servers; one for each processor is still in time.
build_ahead asan "$sanitized_sim_seconds" test_binaries
stage 'end to end' end_to_end build/lastseen -n "$jobs" --dist loadscope
stage 'build asan' build asan "$sanitized_sim_seconds" test_binaries
LASTSEEN_SEEDS=$sanitized_model_seeds stage 'asan' unit_tests asan
# Where there is one thread, ThreadSanitizer finds nothing.
stage 'build tsan' build tsan "$sanitized_sim_seconds" threaded_test_binaries
stage 'tsan' unit_tests tsan -LE 'sim|nth|fuzz' -E NOT_BUILT
if [ "$which" = long ]; then
  stage 'build asan program' build asan "$sanitized_sim_seconds" lastseen
  stage 'build tsan program' build tsan "$sanitized_sim_seconds" lastseen
  # What depends on speed is left to the release binary.
  faults='crash or outage or rotation or bad_store or control or stop or feed_spill or reload'
  LASTSEEN_E2E_KILLS=20 stage 'asan end to end' end_to_end build/asan/lastseen -k "$faults"
  # All but memory: a race may be anywhere. At a stop's deadline threads are left behind on purpose.
  TSAN_OPTIONS=report_thread_leaks=0:atexit_sleep_ms=0 \
    LASTSEEN_E2E_PATIENCE=5 LASTSEEN_E2E_KILLS=20 \
    stage 'tsan end to end' end_to_end build/tsan/lastseen -n "$jobs" --dist loadscope \
    -k 'not memory_stays_bounded and not soak'
  LASTSEEN_E2E_KILLS=200 stage 'kills' end_to_end build/lastseen -k crash
  stage 'build fuzzers' build fuzz 0 fuzzers
  # The soak below hardly needs a processor.
  (renice -n 19 $BASHPID >/dev/null; exec tests/fuzz/run.py 600 --jobs "$jobs") \
    >build/fuzzing.log 2>&1 &
  fuzzing=$!
  LASTSEEN_E2E_SOAK_SECONDS=3600 stage 'soak' end_to_end build/lastseen -s -k soak
  stage 'fuzzing' joined $fuzzing build/fuzzing.log
  LASTSEEN_E2E_FAULT_SECONDS=20 stage 'long faults' end_to_end build/lastseen -k live_faults
  LASTSEEN_NTH_STRIDE=1 stage 'each store call fails' build/release/tests/conformance/conformance \
    --gtest_filter='*NthCall*' --gtest_brief=1
  LASTSEEN_E2E_NTH_MAX=1000 stage 'each call fails' end_to_end build/lastseen -k nth_call
  LASTSEEN_E2E_LOCK_SECONDS=30 stage 'long lock' end_to_end build/lastseen -k locked_for_long
  stage 'packages' make --no-print-directory package JOBS="$jobs"
  stage 'packages can be repeated' same_package_again
  deb=$(echo "$PWD"/build/package/lastseen_*.deb)
  LASTSEEN_E2E_DEB=$deb stage 'fresh Debian' end_to_end build/lastseen -s \
    -k fresh_debian
  stage 'static analysis' make --no-print-directory lint JOBS="$jobs"
  arm64
fi
finish
