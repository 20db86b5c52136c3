"""Where the instructions of a line go, stage by stage."""
import shutil

from formats import FORMATS
from instructions import Counter

# (stage, how the function's name begins); what is inlined counts to its caller.
STAGES = [
    ("all ingest does", "lastseen::Pipeline::step("),
    ("read the file", "lastseen::FileSource::read("),
    ("parse", "Parser::parse("),
    ("merge into the buffer", "lastseen::DedupBuffer::add("),
    ("seal", "lastseen::Pipeline::seal("),
    ("screen and sort for the store", "lastseen::Flusher::offer("),
]


def table(bench):
    if not shutil.which("valgrind"):
        return ["Left out: apt-get install valgrind."]
    counter = Counter(bench.lastseen, f"{bench.build}/tests/bench/generate_log")
    lines = ["| stage | " + " | ".join(wanted.name for wanted in FORMATS) + " |",
             "|---" + "|---:" * len(FORMATS) + "|"]
    found = [counter.a_line_by_function(wanted.parser, wanted.options) for wanted in FORMATS]
    for stage, beginning in STAGES:
        cells = [f"{_of_stage(functions, beginning):,.0f}" for functions in found]
        lines.append(f"| {stage} | " + " | ".join(cells) + " |")
    return lines


def _of_stage(functions, beginning):
    return sum(spent for name, spent in functions.items()
               if name.startswith(beginning) or (not beginning.startswith("lastseen") and
                                                 beginning in name))
