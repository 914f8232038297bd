"""The benchmark: a corpus whose duplicates are known, a scorer, the plain script to beat, and the race of both.

    sentences   the sentences of data/, and lines through them that meet at most once
    stories     a story of such sentences; what an editor or a copying site does to one
    plan        who copies whom, where and when: every record of a corpus, as columns
    entries     records as entries of a site: text, HTML, links, dates; feeds and JSONL made of them
    corpus      writes a corpus and its truth          python -m tests.benchmarks.corpus
    score       recall and precision of an output      python -m tests.benchmarks.score
    plain       the peer: one process, one file        python -m tests.benchmarks.plain
    measure     wall, CPU and memory of a process tree
    run         all of it, side by side                python -m tests.benchmarks.run

Figures compare between runs on one machine, and between corpora of one digest (`test_corpus` holds it).
"""
