"""The benchmark: corpora whose duplicates are known, a scorer, the plain script to beat, and what is measured on them.

    sentences   the sentences of data/, and lines through them that meet at most once
    stories     a story of such sentences; what an editor or a copying site does to one
    plan        who copies whom, where and when: every record of a corpus, as columns
    entries     records as entries of a site: text, HTML, links, dates; feeds and JSONL made of them
    corpus      writes a corpus and its truth          python -m tests.benchmarks.corpus
    additions   feeds that arrive after a corpus
    score       recall and precision of an output      python -m tests.benchmarks.score
    plain       the peer: one process, one file        python -m tests.benchmarks.plain
    measure     wall, CPU and memory of a process tree
    lookups     beamwire with a watch on the index     python -m tests.benchmarks.lookups
    staged      a corpus as the steps stage it, and the one pass over it, without Beam
    bench       the build folder, the machine, tables

    run         script and beamwire, side by side      make bench
    thresholds  found and wrongly found, by setting    make bench BENCH=thresholds
    scale       a million articles, and a batch more   make bench BENCH=scale
    steps       where the time goes, beside floors     make bench BENCH=steps

Figures compare between runs on one machine, and between corpora of one digest (`test_corpus` holds it).
"""
