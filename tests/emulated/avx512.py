"""`make avx512`: runs the program on an emulated CPU with AVX-512, for machines that have none.

The emulator (Bochs, Skylake-X) starts Debian's kernel with the release build in its memory. There the element-wise kernels of all instruction sets have to give the same
bits, OpenBLAS has to choose its AVX-512 kernels, and runs that were trained on this machine have to come out the same, bit for bit. It takes about six minutes.
Folder: build/emulated."""

import fcntl
import os
import pty
import re
import select
import shutil
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import h5py

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from support import MODEL_CASES  # noqa: E402 (after the path is set)

ROOT = HERE.parents[1]
RELEASE = ROOT / "build" / "release"
FOLDER = ROOT / "build" / "emulated"
PROGRAMS = [RELEASE / "gensweep", *(RELEASE / "tests" / name for name in ("test_vector_variants", "test_vector"))]
LIMIT = 3600  # seconds that the emulated machine may take

# The kernel believes Bochs's CPU when it says how large the compacted state of the registers is, and then switches AVX off.
KERNEL_OPTIONS = "console=ttyS0 quiet mitigations=off no_timer_check tsc=reliable clearcpuid=xsavec,xsaves rdinit=/init"
SHORTER = {"diffusion": {"timesteps": 3}}
MODELS = {name: ", ".join(f"{setting}: {value}" for setting, value in {**case, **SHORTER.get(name, {})}.items()) for name, case in MODEL_CASES.items()}
SWEEP = "name: small\nseeds: 0\n{kernels}parameters: {{{model}, steps: 2, batch_size: 8}}\nevaluation: {{samples: 2}}\n"
EQUAL = "every stored bit is equal"

# A command, its exit status, what its output has to say, and what it must not say.
CHECKS = [
    ("./test_vector_variants", 0, "PASSED", "not on this CPU"),
    ("./gensweep --version", 0, r"blas kernel +SkylakeX\s+vector kernel +avx512", None),
    *((f"./gensweep audit {model}.h5 --fraction 1 --kernels recorded --progress none", 0, EQUAL, None) for model in MODELS),
    ("./gensweep audit damaged.h5 --fraction 1 --kernels recorded --progress none", 1, "1 different", EQUAL),
    ("./gensweep audit oracle.h5 --fraction 1 --progress none", 0, "1 consistent", None),
    ("OPENBLAS_CORETYPE=Haswell ./gensweep small.yaml --progress none", 0, "has AVX-512, and the BLAS kernels 'Haswell' do not use it", None),
    ("./test_vector", 0, "PASSED", None),
]


def run(*command, **options):
    return subprocess.run([str(part) for part in command], check=True, **options)


def train(work):
    """Results files of this machine, by kernels that the emulated one has too; one of them with a wrong bit."""
    for model, parameters in MODELS.items():
        sweep = work / f"{model}.yaml"
        sweep.write_text(SWEEP.format(model=parameters, kernels="kernels: portable\n"))
        run(RELEASE / "gensweep", sweep, "-o", work / f"{model}.h5", "--progress", "none", stdout=subprocess.DEVNULL)
    shutil.copy(work / "oracle.h5", work / "damaged.h5")
    with h5py.File(work / "damaged.h5", "r+") as file:
        file["checkpoints/oracle/decoder/dense_0/kernel"][0, 0, 0] += 1
    (work / "small.yaml").write_text(SWEEP.format(model=MODELS["oracle"], kernels=""))


def libraries(program):
    return re.findall(r"/\S+\.so\S*", run("ldd", program, capture_output=True, text=True).stdout)


def fill(root):
    """The files of the emulated machine."""
    work = root / "work"
    for folder in ("bin", "proc", "sys", "tmp", "work"):
        (root / folder).mkdir(parents=True)
    for program in PROGRAMS:
        shutil.copy(program, work)
        for library in libraries(program):
            to = root / library.lstrip("/")
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(library, to)
    shutil.copy("/bin/busybox", root / "bin")
    shutil.copy(HERE / "init.sh", root / "init")
    (root / "init").chmod(0o755)
    (root / "commands").write_text("".join(command + "\n" for command, *_ in CHECKS))
    train(work)


def kernel():
    """Debian's, without installing it."""
    depends = run("apt-cache", "depends", "linux-image-cloud-amd64", capture_output=True, text=True).stdout
    run("apt-get", "download", "-q", re.search(r"Depends: (linux-image-\S+)", depends).group(1), cwd=FOLDER, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    run("dpkg-deb", "-x", *FOLDER.glob("linux-image-*.deb"), FOLDER / "kernel")
    return next((FOLDER / "kernel" / "boot").glob("vmlinuz-*"))


def disc(root):
    """What the emulated machine starts from."""
    folder = FOLDER / "disc"
    (folder / "isolinux").mkdir(parents=True)
    shutil.copy("/usr/lib/ISOLINUX/isolinux.bin", folder / "isolinux")
    shutil.copy("/usr/lib/syslinux/modules/bios/ldlinux.c32", folder / "isolinux")
    (folder / "isolinux" / "isolinux.cfg").write_text(f"default gensweep\nlabel gensweep\n kernel /vmlinuz\n append initrd=/initrd {KERNEL_OPTIONS}\n")
    shutil.copy(kernel(), folder / "vmlinuz")
    with open(folder / "initrd", "wb") as initrd:
        files = "\0".join(str(path.relative_to(root)) for path in sorted(root.rglob("*")))
        run("cpio", "--quiet", "--null", "-o", "-H", "newc", cwd=root, input=files.encode(), stdout=initrd)
    image = FOLDER / "disc.iso"
    run("genisoimage", "-quiet", "-o", image, "-b", "isolinux/isolinux.bin", "-c", "isolinux/boot.cat", "-no-emul-boot", "-boot-load-size", "4", "-boot-info-table", folder)
    return image


def machine(image, serial):
    """The emulator's own settings."""
    rc = FOLDER / "bochsrc"
    rc.write_text("\n".join([
        "megs: 1024",
        "cpu: model=corei7_skylake_x, ips=100000000",
        "romimage: file=/usr/share/bochs/BIOS-bochs-latest",
        "vgaromimage: file=/usr/share/vgabios/vgabios.bin",
        "ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14",
        f"ata0-master: type=cdrom, path={image}, status=inserted",
        "boot: cdrom",
        f"com1: enabled=1, mode=file, dev={serial}",
        "display_library: term",
        f"log: {FOLDER / 'bochs.log'}",
        "sound: waveoutdrv=dummy, waveindrv=dummy, midioutdrv=dummy",
        "speaker: enabled=0",
        "plugin_ctrl: sb16=0, es1370=0, speaker=0",
    ]) + "\n")
    debugger = FOLDER / "continue"
    debugger.write_text("c\n")
    return ["bochs", "-q", "-f", str(rc), "-rc", str(debugger)]


def judge(number, output):
    """A line of text, and whether all is well."""
    command, status, said, unsaid = CHECKS[number]
    found = re.search(rf"^<{number}>$(.*)^<end {number} (\d+)>$", output, re.DOTALL | re.MULTILINE)
    if not found:
        return f"FAILED  {command}: it has not ended", False
    text, ended = found.group(1), int(found.group(2))
    well = ended == status and re.search(said, text) is not None and (unsaid is None or unsaid not in text)
    return (f"ok      {command}", True) if well else (f"FAILED  {command}: exit status {ended}\n{text}", False)


def emulate(command, serial):
    """Starts the machine, which wants a terminal, and tells each check as it ends. Returns whether all have passed."""
    terminal, its_side = pty.openpty()
    fcntl.ioctl(its_side, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    process = subprocess.Popen(command, stdin=its_side, stdout=its_side, stderr=its_side, env=dict(os.environ, TERM="xterm"), start_new_session=True)
    begun, judged, well = time.monotonic(), 0, True
    screen = open(FOLDER / "terminal.txt", "wb", buffering=0)
    while judged < len(CHECKS):
        running = process.poll() is None and time.monotonic() - begun < LIMIT
        while select.select([terminal], [], [], 0.5)[0]:
            screen.write(os.read(terminal, 65536))
        output = serial.read_text(errors="replace").replace("\r", "") if serial.exists() else ""
        while judged < len(CHECKS) and (f"<end {judged} " in output or not running):
            line, passed = judge(judged, output)
            print(line, flush=True)
            well &= passed
            judged += 1
    process.kill()
    process.wait()
    return well


def main():
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    fill(FOLDER / "root")
    serial = FOLDER / "serial.txt"
    sys.exit(0 if emulate(machine(disc(FOLDER / "root"), serial), serial) else 1)


if __name__ == "__main__":
    main()
