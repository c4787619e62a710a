"""Snakemake imported once, which costs 2 s of processor, and forked for each run of a test.

Reads from standard input, for each run, a line of JSON: the folder to run in, the arguments, and
the file that takes what is printed. Answers with a line: the exit status.
"""

import json
import os
import signal
import sys

from snakemake.cli import main

for line in sys.stdin:
    folder, arguments, printed = json.loads(line)
    child = os.fork()
    if not child:
        signal.alarm(1200)  # a run that hangs is killed
        os.chdir(folder)
        for number, file in enumerate([os.devnull, printed, printed]):
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND if number else os.O_RDONLY
            os.dup2(os.open(file, flags), number)
        sys.argv = ["snakemake", *arguments]  # which the Snakefile looks at
        sys.exit(main())
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
