# gensweep. `make run` and `make test` do all their own set-up; `make help` lists the rest.

MAKEFLAGS += --no-builtin-rules
VERSION := 0.1.0
VARIANT ?= release
NP ?= $(shell nproc)
SWEEP ?= sweeps/quickstart.yaml
RESULTS ?= results/$(notdir $(basename $(SWEEP))).h5
PREFIX ?= /usr/local
DESTDIR ?=

# make predefines CC, so `?=` would have no effect
ifeq ($(origin CC),default)
CC := gcc
endif

BUILD := build/$(VARIANT)
# V=1 shows the commands
Q := $(if $(V),,@)
HOST_CPUS := $(shell nproc)
# of the builds that a target does on its way
JOBS := -j$(HOST_CPUS)

# ---- packages ------------------------------------------------------------------------------------
# What each is for stands in the README.
PACKAGES := gcc make pkg-config libopenmpi-dev openmpi-bin libopenblas-dev libhdf5-dev libyaml-dev zlib1g-dev \
	libdeflate-dev libxxhash-dev librandom123-dev libcmocka-dev python3 python3-h5py python3-numpy python3-matplotlib \
	python3-pytest python3-scipy python3-yaml python3-pandas python3-xarray python3-h5netcdf hdf5-tools
LINT_PACKAGES := clang clang-format cppcheck shellcheck
EMULATOR_PACKAGES := bochs bochsbios bochs-term vgabios isolinux syslinux-common genisoimage busybox-static cpio
MODULES := a C11 compiler, GNU make, pkg-config, Open MPI (or another MPI-3), OpenBLAS, HDF5 >= 1.10 with its high-level \
	library, libyaml, zlib, libdeflate, xxHash >= 0.8, Random123, cmocka, and Python 3 with h5py, numpy, matplotlib, \
	and for the tests pytest, scipy, yaml, pandas, xarray, h5netcdf

# ---- compiler ------------------------------------------------------------------------------------
WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes -Wmissing-prototypes \
	-Wold-style-definition -Wcast-qual -Wcast-align -Wpointer-arith -Wformat=2 -Wno-format-nonliteral -Wundef -Wvla \
	-Wdouble-promotion -Wwrite-strings $(if $(WERROR),-Werror)
# No fused multiply-add unless written: every instruction set gives the same bits.
ARITHMETIC := -ffp-contract=off -fno-math-errno -fno-trapping-math
MODE_release := -O3 -DNDEBUG
MODE_debug := -O1
MODE_san := -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
MODE_double := -O2 -DGS_DOUBLE
MODE_cov := -O0 --coverage -DNDEBUG
MODE_fuzz := -O1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
MODE := $(MODE_$(VARIANT))
ifeq ($(MODE),)
$(error VARIANT is one of release, debug, san, double, cov, fuzz)
endif

pkg = $(shell pkg-config $(1) $(2) 2>/dev/null)
HDF5 := $(shell pkg-config --exists hdf5-serial 2>/dev/null && echo hdf5-serial || echo hdf5)
MPI := $(shell pkg-config --exists ompi-c 2>/dev/null && echo ompi-c || echo mpi-c)
USED := $(HDF5) $(MPI) openblas yaml-0.1 zlib libdeflate libxxhash
HDF5_LIB := $(patsubst -lhdf5,-lhdf5_hl -lhdf5,$(call pkg,--libs,$(HDF5)))

X86 := $(filter x86_64%,$(shell $(CC) -dumpmachine 2>/dev/null))
ALL_CFLAGS = -std=c11 -g $(MODE) $(ARITHMETIC) $(WARNINGS) $(if $(X86),-DGS_X86) -D_POSIX_C_SOURCE=200809L -D_DEFAULT_SOURCE $(CFLAGS)
INCLUDES = -Isrc -I$(BUILD)/generated $(patsubst -I%,-isystem %,$(call pkg,--cflags,$(USED)))
LIBS = $(HDF5_LIB) $(call pkg,--libs,$(MPI) openblas yaml-0.1 zlib libdeflate) $(LDLIBS) -lm

# ---- sources -------------------------------------------------------------------------------------
# The training core builds in double precision too; the rooms above it know only the program's own number type.
CORE_ROOMS := ground nn data settings models coverage train
ROOMS := $(CORE_ROOMS) $(if $(filter double,$(VARIANT)),,sweep store farm)
SOURCES := $(filter-out src/ground/vector_kernels.c,$(foreach room,$(ROOMS),$(wildcard src/$(room)/*.c)))
KERNELS := baseline $(if $(X86),avx2 avx512)
KERNEL_baseline :=
KERNEL_avx2 := -mavx2
KERNEL_avx512 := -mavx512f -mavx512bw -mavx512vl -mavx512dq -mprefer-vector-width=512
# gcc computes one vector after the other unless told to weave several; clang does not know the second flag
KERNEL_SPEED := -O3 $(shell $(CC) -Werror -funroll-loops -fschedule-insns -xc -c -o /dev/null /dev/null 2>/dev/null && \
	echo -funroll-loops -fschedule-insns)
OBJECTS := $(SOURCES:src/%.c=$(BUILD)/%.o) $(KERNELS:%=$(BUILD)/ground/vector_kernels.%.o)
MAIN_OBJECTS := $(patsubst src/%.c,$(BUILD)/%.o,$(wildcard src/main/*.c))
PROGRAM := $(BUILD)/gensweep
TEST_FOLDER := tests/$(if $(filter double,$(VARIANT)),double,unit)
UNIT_TESTS := $(patsubst $(TEST_FOLDER)/%.c,$(BUILD)/tests/%,$(wildcard $(TEST_FOLDER)/test_*.c))

.PHONY: all units run test extra-rows bench bench-midrun scale bill-check bench-deps bench-readme report deps format lint fuzz fuzz-results fail-memory soak faults avx512 expansion cov install info help clean force
.SECONDARY:

all: $(PROGRAM)
	@ln -sf $(BUILD)/gensweep gensweep

$(PROGRAM): $(OBJECTS) $(MAIN_OBJECTS)
	@echo "  LINK  $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/%.o: src/%.c | $(BUILD)/generated/build.h
	@mkdir -p $(@D)
	@echo "  CC    $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(INCLUDES) -MMD -MP -c -o $@ $<

# the kernels are optimised in every variant: they are what is tested
$(BUILD)/ground/vector_kernels.%.o: src/ground/vector_kernels.c | $(BUILD)/generated/build.h
	@mkdir -p $(@D)
	@echo "  CC    $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(KERNEL_SPEED) $(KERNEL_$*) -DGS_VARIANT=$* $(INCLUDES) -MMD -MP -c -o $@ $<

$(BUILD)/main/launch.o: $(BUILD)/generated/build.h

# what /provenance says of the build; rewritten only when it changes
$(BUILD)/generated/build.h: force
	@mkdir -p $(@D)
	@{ echo '#define GS_VERSION "$(VERSION)"'; \
	  echo '#define GS_GIT_COMMIT "$(shell git rev-parse HEAD 2>/dev/null || echo unknown)"'; \
	  echo '#define GS_GIT_DIRTY $(shell test -n "$$(git status --porcelain 2>/dev/null | head -1)" && echo 1 || echo 0)'; \
	  echo '#define GS_COMPILER "$(shell $(CC) --version 2>/dev/null | head -1)"'; \
	  echo '#define GS_COMPILER_FLAGS "$(strip $(MODE) $(ARITHMETIC) $(CFLAGS))"'; } > $@.new
	@cmp -s $@.new $@ || cp $@.new $@; rm -f $@.new

units: $(UNIT_TESTS)

$(BUILD)/tests/%: $(TEST_FOLDER)/%.c $(OBJECTS)
	@mkdir -p $(@D)
	@echo "  TEST  $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(INCLUDES) -Itests -MMD -MP -MF $@.d $(LDFLAGS) -o $@ $< $(OBJECTS) -lcmocka $(LIBS)

-include $(wildcard $(OBJECTS:.o=.d) $(MAIN_OBJECTS:.o=.d) $(UNIT_TESTS:=.d))

# ---- running -------------------------------------------------------------------------------------
# Open MPI refuses root and more ranks than cores unless told.
export OMPI_ALLOW_RUN_AS_ROOT ?= 1
export OMPI_ALLOW_RUN_AS_ROOT_CONFIRM ?= 1
export OPENBLAS_NUM_THREADS ?= 1
MPIRUN ?= mpirun -n $(NP) $(if $(filter 1,$(shell test $(NP) -gt $(HOST_CPUS) && echo 1)),--oversubscribe)

# Debian's Python has the Debian packages; another one on PATH may not have them.
PYTHON ?= $(shell for p in python3 /usr/bin/python3; do \
	$$p -c 'import h5py, numpy, matplotlib' >/dev/null 2>&1 && { echo $$p; exit; }; done; echo python3)

run: deps
	@$(MAKE) --no-print-directory $(JOBS) all
	@$(MAKE) --no-print-directory run-sweep

run-sweep:
	@mkdir -p "$$(dirname "$(RESULTS)")"
	@$(MPIRUN) ./gensweep "$(SWEEP)" -o "$(RESULTS)" --fresh || test $$? -eq 1
	@$(MAKE) --no-print-directory report

report:
	@$(PYTHON) analysis report "$(RESULTS)"

test: deps
	@$(MAKE) --no-print-directory $(JOBS) all $(patsubst %,build/release/%,plan_many fuzz_results fail_memory)
	@$(MAKE) --no-print-directory $(JOBS) extra-rows
	@$(MAKE) --no-print-directory $(JOBS) VARIANT=debug units
	@$(MAKE) --no-print-directory $(JOBS) VARIANT=san units $(if $(X86),all-san)
	@$(MAKE) --no-print-directory $(JOBS) VARIANT=double units
	@$(MAKE) --no-print-directory test-built

all-san: $(PROGRAM)

test-built:
	@$(PYTHON) tests/run.py

bench: deps
	@$(MAKE) --no-print-directory $(JOBS) all build/release/bench_core
	@$(MAKE) --no-print-directory bench-built

$(BUILD)/bench_core: tests/bench/bench_core.c $(OBJECTS)
	$(Q)$(CC) $(ALL_CFLAGS) $(INCLUDES) -Wno-missing-prototypes $(LDFLAGS) -Wl,--wrap=gs_matrix_multiply -o $@ $^ $(LIBS)

# What a mid-run checkpoint costs, in the folder MIDRUN.
MIDRUN ?= build/midrun
bench-midrun: $(BUILD)/bench_midrun
	$(BUILD)/bench_midrun $(MIDRUN)

$(BUILD)/bench_midrun: tests/bench/bench_midrun.c $(OBJECTS)
	$(Q)$(CC) $(ALL_CFLAGS) $(INCLUDES) $(LDFLAGS) -o $@ $^ $(LIBS)

# Sweeps on up to 10^4 ranks, through the real scheduler.
scale: $(BUILD)/simulate
	@$(PYTHON) tests/bench/scale.py

$(BUILD)/simulate: tests/bench/simulate.c $(OBJECTS)
	$(Q)$(CC) $(ALL_CFLAGS) $(INCLUDES) $(LDFLAGS) -o $@ $^ $(LIBS)

bench-built:
	@$(PYTHON) tests/bench/bench.py

bench-readme:
	@$(PYTHON) tests/bench/table.py

# PyTorch and JAX in their own virtual environment, from where pip's configuration says.
PIP_OPTIONS ?=
bench-deps:
	@.ci/deps "python3-venv python3-dev g++" "Python 3 with venv and its headers, a C++ compiler"
	@test -x build/peers/bin/pip || $(PYTHON) -m venv build/peers
	@build/peers/bin/pip install --quiet $(PIP_OPTIONS) -r tests/bench/requirements.txt
	@build/peers/bin/pip list --format=freeze | grep -iE '^(torch|jax|jaxlib|numpy)='

# What gensweep plan says beside what runs really take.
bill-check: all
	@$(PYTHON) tests/bench/bill.py

# The reader of sweeps on any bytes, from the golden files on; what it finds stays in build/fuzz.
FUZZ_RUNS ?= 1000000
fuzz:
	@.ci/deps "$(PACKAGES) $(LINT_PACKAGES)" "clang with libFuzzer"
	@$(MAKE) --no-print-directory CC=clang VARIANT=fuzz build/fuzz/fuzz_sweep
	@mkdir -p build/fuzz/found
	build/fuzz/fuzz_sweep -runs=$(FUZZ_RUNS) -timeout=5 -max_len=1024 -dict=tests/fuzz/sweep.dict -artifact_prefix=build/fuzz/ \
		build/fuzz/found tests/fuzz/corpus tests/golden

$(BUILD)/fuzz_sweep: tests/fuzz/fuzz_sweep.c $(OBJECTS)
	$(Q)$(CC) $(ALL_CFLAGS) -fsanitize=fuzzer $(INCLUDES) $(LDFLAGS) -o $@ $^ $(LIBS)

# Damaged results files, from a small one on, in the folder FUZZ_FOLDER, where those that fail stay.
FUZZ_MUTANTS ?= 100000
FUZZ_SEED ?= 0
FUZZ_FOLDER ?= build/fuzz/results
fuzz-results: $(BUILD)/fuzz_results
	@mkdir -p $(FUZZ_FOLDER)
	$(BUILD)/fuzz_results $(FUZZ_FOLDER) $(FUZZ_MUTANTS) $(FUZZ_SEED)

$(BUILD)/fuzz_results: tests/fuzz/fuzz_results.c tests/small_sweep.h $(OBJECTS)
	@echo "  TEST  $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(INCLUDES) -Itests $(LDFLAGS) -o $@ $< $(OBJECTS) $(LIBS)

# Allocations that fail, one after the other.
MEMORY_FOLDER ?= build/memory
fail-memory: $(BUILD)/fail_memory
	@mkdir -p $(MEMORY_FOLDER)
	$(BUILD)/fail_memory $(MEMORY_FOLDER)

WRAPPED := $(foreach f,malloc calloc realloc strdup,-Wl,--wrap=$(f))
$(BUILD)/fail_memory: tests/memory/fail_memory.c tests/small_sweep.h $(OBJECTS)
	@echo "  TEST  $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(INCLUDES) -Itests -fno-builtin $(LDFLAGS) $(WRAPPED) -o $@ $< $(OBJECTS) $(LIBS)

# Plans of many sweeps at once, for the tests that compare them with another expander.
$(BUILD)/plan_many: tests/fuzz/plan_many.c $(OBJECTS)
	$(Q)$(CC) $(ALL_CFLAGS) $(INCLUDES) $(LDFLAGS) -o $@ $^ $(LIBS)

# The program as it is when somebody has added rows to the table of settings, and touched nothing else.
EXTRA := build/extra
extra-rows: $(EXTRA)/rows/settings/rows.h
	@$(MAKE) --no-print-directory BUILD=$(EXTRA) CFLAGS="-O0 -I$(EXTRA)/rows" $(EXTRA)/gensweep

$(EXTRA)/rows/settings/rows.h: src/settings/rows.h tests/e2e/extra_rows.h
	@mkdir -p $(@D)
	@cat $^ > $@

# A hundred thousand random sweeps against that expander; `make test` takes fewer.
expansion: $(BUILD)/plan_many
	@GENSWEEP_EXPANSIONS=100000 $(PYTHON) -m pytest -q -p no:cacheprovider tests/e2e/test_expansion.py

# Kills at every change of the results file and at random moments; `make test` takes a few.
SOAK ?=
soak: deps
	@$(MAKE) --no-print-directory $(JOBS) all
	@$(PYTHON) tests/crash/crash.py $(SOAK)

# A full disk and its like at every change of any file that the program writes.
FAULTS ?=
faults: deps
	@$(MAKE) --no-print-directory $(JOBS) all
	@$(PYTHON) tests/crash/faults.py $(FAULTS)

# The release build on an emulated CPU with AVX-512.
avx512: deps
	@.ci/deps "$(EMULATOR_PACKAGES)" "Bochs and what a small Linux for it is made with"
	@$(MAKE) --no-print-directory $(JOBS) all $(addprefix build/release/tests/,test_vector_variants test_vector)
	@$(PYTHON) tests/emulated/avx512.py

# ---- upkeep --------------------------------------------------------------------------------------
# Installs only what is missing and asks nothing.
deps:
	@.ci/deps "$(PACKAGES)" "$(strip $(MODULES))"

FORMATTED := $(wildcard src/*/*.[ch] tests/*.h tests/*/*.[ch])
format:
	@.ci/deps "$(LINT_PACKAGES)" "clang-format"
	@clang-format -i $(FORMATTED)

lint:
	@.ci/deps "$(LINT_PACKAGES)" "clang, clang-format, cppcheck, shellcheck"
	@clang-format --dry-run -Werror $(FORMATTED)
	$(MAKE) CC=gcc WERROR=1 BUILD=build/lint-gcc build/lint-gcc/gensweep
	$(MAKE) CC=clang WERROR=1 BUILD=build/lint-clang build/lint-clang/gensweep
	cppcheck --quiet --error-exitcode=1 --std=c11 --enable=warning,performance,portability --inline-suppr \
		--suppress=missingIncludeSystem -Isrc src
	shellcheck slurm/*.sbatch .ci/run .ci/deps tests/emulated/init.sh

cov:
	@.ci/deps "$(PACKAGES) gcovr" "gcovr"
	@$(MAKE) --no-print-directory $(JOBS) VARIANT=cov units
	@for program in build/cov/tests/test_*; do case $$program in *.d|*.gc*) ;; *) $$program >/dev/null 2>&1 || exit 1 ;; esac; done
	gcovr --root . --filter src/ --exclude-unreachable-branches build/cov

install: all
	install -D -m 755 build/release/gensweep "$(DESTDIR)$(PREFIX)/bin/gensweep"

info:
	@echo "version   $(VERSION)"
	@echo "variant   $(VARIANT)"
	@echo "compiler  $(CC): $$($(CC) --version | head -1)"
	@echo "flags     $(ALL_CFLAGS)"
	@for p in $(USED); do echo "$$p  $$(pkg-config --modversion $$p 2>/dev/null || echo missing)"; done
	@echo "python    $(PYTHON)"
	@echo "cores     $(HOST_CPUS)"

help:
	@echo "make run [SWEEP=FILE] [NP=N]   install what is missing, build, train the sweep, write its report"
	@echo "make test                      install what is missing, build all variants, run all tests"
	@echo "make                           build ./gensweep"
	@echo "make bench                     speed per model, beside PyTorch and JAX where they are -> build/bench.json"
	@echo "make bench-deps                install PyTorch and JAX for that into build/peers"
	@echo "make bench-readme              put the figures of build/bench.json into the README"
	@echo "make bench-midrun [MIDRUN=DIR] bytes and time of a mid-run checkpoint of each model, written there"
	@echo "make scale                     sweeps of up to 10^6 runs on up to 10^4 ranks, simulated with the real scheduler"
	@echo "make report RESULTS=FILE       the report of a results file"
	@echo "make fuzz [FUZZ_RUNS=N]        the reader of sweeps on random bytes, under ASan and UBSan"
	@echo "make bill-check                estimates of gensweep plan beside what the runs really take"
	@echo "make expansion                 100,000 random sweeps against another expander"
	@echo "make soak [SOAK=OPTIONS]       kills the program at every change of the results file and at random moments"
	@echo "make faults [FAULTS=OPTIONS]   a full disk, a quota, a read-only file system at every change of a file"
	@echo "make fail-memory               lets every allocation of the program's own code fail"
	@echo "make fuzz-results              100,000 damaged results files, FUZZ_MUTANTS, FUZZ_SEED, FUZZ_FOLDER"
	@echo "make avx512                    the program on an emulated CPU with AVX-512, beside results of this one; six minutes"
	@echo "make lint                      gcc and clang without a warning, layout (make format), cppcheck, shellcheck"
	@echo "make format                    lays the C out as .clang-format says"
	@echo "make cov                       coverage of the unit tests"
	@echo "make install PREFIX=DIR        install gensweep into DIR/bin"
	@echo "make deps                      install the system packages that are missing"
	@echo "make info                      compiler, flags and versions of the libraries"
	@echo "make clean                     remove build/"
	@echo "variables: VARIANT=release|debug|san|double|cov, CC, CFLAGS, LDFLAGS, NP, PYTHON, WERROR=1, V=1"

clean:
	rm -rf build gensweep
