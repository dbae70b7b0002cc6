# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # When one machine is not enough: PostgreSQL and Spark
#
# On this page you see one question run by three engines: DuckDB in a folder, PostgreSQL in a server, Spark on a
# cluster. Afterwards you know that nothing has to be rewritten to ask where the data already is, what it costs, and when it
# is worth it, which is later than most people think.
#
# **Time:** 20 minutes to read and try; the page itself runs in less than a minute.
# **What to know first:** {doc}`05-from-records-to-a-question` (cohort and features) and a little SQL.
#
# DuckDB runs live. PostgreSQL and Spark are not on every computer, so their figures come from a study that ran on all
# three (`studies/engines.py`); the page shows its table, runs the DuckDB part again and asserts that it agrees.
#
# ```{warning}
# The patients are synthetic: they are for learning, development and teaching. No model here is for care.
# ```

# %%
import tempfile
import time

import ibis
import matplotlib.pyplot as plt
import numpy as np

from lhs_helpers import plots
from lhs_helpers.learning import Task, cohort, features, vocabulary
from lhs_helpers.patients import Hospital, cached_hospital
from lhs_helpers.records.emr import EMR
from lhs_helpers.studies import study

plots.use_style()

# %% [markdown]
# ## One definition, many languages
#
# A record is opened with `EMR(folder)`. Its tables are *expressions*: they say what is wanted, and an engine is only
# asked when you execute them. So the same expression can be said in the dialect of any database. Here is the first step
# of every matrix of features: of each person and code, how often, how much on average, and how much at last.

# %%
hospital = cached_hospital(patients=4_000, years=6, seed=0, start="2012-01-01")
emr = hospital.emr
known = emr.observations.filter(emr.observations.recorded_at < "2015-01-01")
summary = known.group_by("patient_id", "code").aggregate(
    times=known.count(), mean=known.value.mean(), last=known.value.argmax(known.time)
)
summary.order_by("patient_id", "code").limit(3).execute()

# %%
print(ibis.to_sql(summary, dialect="duckdb"))

# %%
print(ibis.to_sql(summary, dialect="postgres"))

# %% [markdown]
# DuckDB takes the first value in an order; PostgreSQL has to collect all values in a list first. You write none of
# this. `cohort`, `vocabulary` and `features` are made of such expressions, and take whatever `EMR`
# gives them.
#
# ## In PostgreSQL
#
# To practise, load a folder into a server; all of it is one transaction. In a hospital the tables are there already:
# make a view of each under our names, and only the last line is needed.
#
# ```python
# import ibis
# from lhs_helpers.records.emr import EMR
# from lhs_helpers.records.postgres import load_postgres
#
# connection = ibis.postgres.connect("postgresql://me@server/hospital", schema="lhs")
# load_postgres("my-hospital", connection)
# emr = EMR(connection)
# ```
#
# No server at hand? `own_postgres()` starts one on your computer for as long as a block lasts, if PostgreSQL is
# installed.
#
# ## In Spark
#
# Spark reads the folder's own Parquet files; nothing is copied.
#
# ```python
# from pyspark.sql import SparkSession
# from lhs_helpers.records.spark import load_spark
#
# emr = load_spark("my-hospital", SparkSession.builder.getOrCreate())
# ```
#
# From here on, all three are the same: `people = cohort(emr, task, at)`, `X = features(emr, people, task, columns)`.
# What comes back is the matrix; the rows stay where they are.
#
# ## The same question, live
#
# This is the question of the study, asked of the folder.

# %%
TASK = Task(
    "Stroke within two years", ("SNOMED:230690007",), window_days=730, min_age=40
)
STATISTICS = ("ever", "count", "last", "mean", "slope", "days since", "last is")


def ask(emr):
    """People, columns and matrix of the study's question."""
    people = cohort(emr, TASK, "2015-01-01")
    columns = vocabulary(
        emr, people, TASK, 0.02, statistics=STATISTICS, windows=(None, 365)
    )
    return people, columns, features(emr, people, TASK, columns)


began = time.perf_counter()
people, columns, X = ask(EMR(emr.folder))
took = time.perf_counter() - began
records = sum(table["rows"] for table in emr.manifest["tables"].values())
print(
    f"{len(X):,} people and {X.shape[1]} variables out of {records:,} records, in {took:.1f} s here and now"
)

# %% [markdown]
# ## Are they the same features?
#
# The study made the matrix of three hospitals in all three engines, and compared each cell with that of DuckDB.

# %%
table, facts = study("engines")
last_step = table[table["step"] == "features"]
same = (
    last_step.groupby("engine")[["cells", "differing", "differing outside sums"]]
    .sum()
    .astype(int)
)
same["largest difference (SD)"] = last_step.groupby("engine")[
    "largest difference (SD)"
].max()
same

# %% [markdown]
# Of four and a half million cells a handful differ, all of them means or slopes: sums of numbers with a decimal point
# depend on the order in which they are added, and each engine has its own. The difference is far below what any
# measurement could tell. Counts, last values, dates and answers are equal to the last bit.

# %%
assert (
    same.loc["PostgreSQL":, "differing"].max() < 100
    and same["differing outside sums"].sum() == 0
)
assert same["largest difference (SD)"].max() < 1e-6
ours = last_step[(last_step["engine"] == "DuckDB") & (last_step["seed"] == 0)].iloc[0]
assert (len(X), X.shape[1], records) == (
    ours["people"],
    ours["variables"],
    ours["records"],
)

# %% [markdown]
# ## What does it cost?

# %%
cost = table.groupby(["engine", "step"])[["seconds", "processor seconds"]].mean()
steps = ["load", "cohort", "vocabulary", "features"]
seconds = cost["seconds"].unstack()[steps]
seconds.round(2)

# %% [markdown]
# Mean seconds of three hospitals of 4,000 patients, on two cores of one computer that did nothing else. *Load* is the way
# in: opening a folder, copying 1.7 million rows into a server, starting Spark and listing the files (the first time Spark
# also has to start its own machine, which is in the mean).

# %%
asking = seconds[["cohort", "vocabulary", "features"]].sum(axis=1).sort_values()
fig, ax = plt.subplots(figsize=(5.4, 2.4))
left = np.zeros(len(asking))
for step, color in zip(steps[1:], (plots.BLUE, plots.ORANGE, plots.GREEN), strict=True):
    ax.barh(
        asking.index,
        seconds.loc[asking.index, step],
        left=left,
        color=color,
        label=step,
    )
    left += seconds.loc[asking.index, step].to_numpy()
ax.set(xlabel="Seconds for one question (mean of three hospitals)", ylabel="Engine")
ax.legend(fontsize=8)
plots.figure(
    fig,
    alt="Horizontal bars of the seconds that one question takes. DuckDB needs less than one second, PostgreSQL some three, "
    "and Spark more than ten.",
    caption="On one computer the embedded engine answers first. Spark pays for a plan that could run on a hundred machines, "
    "and has two cores to run it on.",
)

# %%
slower = asking / asking["DuckDB"]
print("times as long as DuckDB:", slower.round(1).to_dict())
assert 2 < slower["PostgreSQL"] < 8 and 6 < slower["Spark"] < 30

# %% [markdown]
# So for a record that fits on a disk, copy it into a folder, once, and use one machine. **Ask where the data is for other
# reasons than speed**: because it must not leave the server, because copies age, because permissions and logs are kept there.
# And use Spark when the record does not fit: it is the only one of the three that can use a second computer.
#
# ## Making data in parallel
#
# The synthetic hospital is cut into shards of some thousand people, and a shard is a pure function of its seed and the
# orders: it does not matter who computes it, or where. A cluster maps it over its workers:
#
# ```python
# from lhs_helpers.patients import Hospital
#
# hospital = Hospital("/shared/big-hospital", patients=10_000_000, seed=1, start="2010-01-01")
# hospital.advance("2020-01-01", spark=session)
# ```
#
# The folder must be one that all workers see. A test of the package makes the same hospital in one process and in
# Spark, and compares every byte. What you can see here is that it does not matter who computes it: two hospitals of one
# seed have one content.

# %%
with tempfile.TemporaryDirectory() as place:
    contents = set()
    for name in ("here", "there"):
        small = Hospital(
            f"{place}/{name}", patients=200, seed=19, start="2012-01-01", workers=1
        )
        small.advance("2013-01-01")
        contents.add(small.emr.manifest["content_hash"])
print(contents)
assert len(contents) == 1

# %% [markdown]
# ## Exercises
#
# ```{exercise-start} Say it in another dialect
# :label: ex19-dialect
# ```
# How many events of each kind does the record hold? Write it as an ibis expression on `emr.events`, called `kinds`, with
# the columns `kind` and `n`. Store what it says in the dialect of PostgreSQL as `text`, and run
# `check_kinds(kinds, text)`.


# %%
def check_kinds(kinds, text):
    assert kinds is not None and text is not None, "give the expression, and its SQL"
    found = kinds.execute().set_index("kind")["n"]
    assert found.sum() == emr.events.count().execute(), "every event has one kind"
    assert found["observation"] == emr.observations.count().execute(), (
        "count the rows of each kind"
    )
    assert "GROUP BY" in text.upper(), "the database should do the counting"


# %% [markdown]
# ```{exercise-end}
# ```
#
# ```{solution-start} ex19-dialect
# :class: dropdown
# ```

# %%
kinds = emr.events.group_by("kind").aggregate(n=emr.events.count())
text = str(ibis.to_sql(kinds, dialect="postgres"))
check_kinds(kinds, text)
kinds.order_by(ibis.desc("n")).execute()

# %% [markdown]
# ```{solution-end}
# ```
#
# ```{exercise-start} When does the copy pay?
# :label: ex19-copy
# ```
# Suppose your record is in PostgreSQL, and copying it into a folder takes as long as loading it took here. After how many
# questions has the copy paid for itself? Compute the number from `seconds` and `asking`, store it as `questions`, and
# run `check_questions(questions)`.


# %%
def check_questions(questions):
    assert questions is not None, "store a number as questions"
    saved = questions * (asking["PostgreSQL"] - asking["DuckDB"])
    assert abs(saved / seconds.loc["PostgreSQL", "load"] - 1) < 0.05, (
        "saved time and the time of the copy should be equal"
    )


# %% [markdown]
# ```{exercise-end}
# ```
#
# ```{solution-start} ex19-copy
# :class: dropdown
# ```

# %%
questions = seconds.loc["PostgreSQL", "load"] / (
    asking["PostgreSQL"] - asking["DuckDB"]
)
check_questions(questions)
print(f"after {questions:.1f} questions")

# %% [markdown]
# And the copy is as old as the day on which it was made.
#
# ```{solution-end}
# ```
#
# ## What we have seen
#
# - `EMR` opens a folder or a connection; cohort and features run where the rows are, and only the matrix comes back.
# - Three engines gave the same features, but for the last bits of a few sums.
# - At this size the embedded engine was several times as fast as a server, and more than that as Spark.
#
# ## Limits
#
# - Hospitals of 4,000 patients on two cores: the ratios are of this size and this computer. Where Spark begins to pay, we
#   have not measured: it takes a cluster.
# - What only a folder has does not work on a connection: `check`, the writers, and de-identification. They say so.
# - A hospital's own tables do not have our two times. Whoever writes the views decides what `recorded_at` means, and a
#   wrong answer there is a leak that no engine will notice.
#
# ## What next
#
# {doc}`../book/getting-started/data` asks what your records are like before you open them.
