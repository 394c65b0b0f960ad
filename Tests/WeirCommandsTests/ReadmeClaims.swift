/// A promise of the README that another suite proves: its words, and the tests by file and name.
///
/// `ReadmeClaimsTests` itself proves claims that take a few commands.
struct ReadmeClaim {
    let words: String
    let proofs: [(file: String, test: String)]

    init(_ words: String, _ proofs: (file: String, test: String)...) {
        self.words = words
        self.proofs = proofs
    }

    static let all: [ReadmeClaim] = [
        ReadmeClaim(
            "The file log answers an append after its data is synced.",
            ("TailingTests", "records are seen only once their sync has returned"),
            ("CrashSweepTests", "a crash at any step loses nothing that was acknowledged")
        ),
        ReadmeClaim(
            """
            After a power failure it removes a torn end that was never acknowledged, and says so; a loss before that end is \
            an error.
            """,
            ("PowerLossTests", "any subset of unsynced pages leaves a log that opens with everything acknowledged"),
            ("PowerLossTests", "what was acknowledged is there or the log says in words what is missing")
        ),
        ReadmeClaim(
            """
            The commit that makes rows visible also stores the source offsets they came from; there is no other checkpoint.
            """,
            ("IngestTests", "a crash at any step loses nothing and doubles nothing")
        ),
        ReadmeClaim(
            "A run that was killed loses nothing and doubles nothing.",
            ("BinaryTests", "kill -9 at any moment loses nothing and doubles nothing"),
            ("KafkaFaultTests", "processes killed at random moments lose and double nothing")
        ),
        ReadmeClaim(
            "A Kafka sink stores the offsets in the transaction of its records.",
            ("KafkaFaultTests", "a topic gets every change once though its writer is killed")
        ),
        ReadmeClaim(
            """
            offsets belong to the topology's `name`; a renamed topology is refused until `--adopt` hands its tables on
            """,
            ("RenamedTopologyTests", "check and run say what to do, and --adopt does it")
        ),
        ReadmeClaim(
            "For each key the table holds the last change in log order.",
            ("FanOutTests", "any routes give each table what it would have got alone, in log order"),
            ("CapturedIngestTests", "tables equal the database's final rows, for us and for other engines")
        ),
        ReadmeClaim(
            "A run optimizes the tables that it writes and removes the files that nothing needs, while it writes them",
            ("SelfOptimizingTests", "base alone equals the oracle while its files are written anew"),
            (
                "SelfOptimizingTests",
                "files do not pile up in a run that stays up, and every reader sees the oracle's rows"
            )
        ),
        ReadmeClaim(
            "A file that a snapshot, tag or branch has is not deleted.",
            ("CleaningModelTests", "what a table needs is never deleted, and all else is")
        ),
        ReadmeClaim(
            "a file that nothing refers to is deleted an hour after that was seen first.",
            ("CleaningTests", "files go at the second look, after the time of quarantine")
        ),
        ReadmeClaim(
            "Rows that are deleted while their file is written anew stay deleted.",
            ("TableOptimizerTests", "what others add and delete while files are written anew is there afterwards"),
            ("HistoryModelTests", "every reader sees what a dictionary says, whatever happened")
        ),
        ReadmeClaim(
            "All tables of a topology are committed together: a reader sees what a commit has for them whole or not at "
                + "all, and a pinned snapshot does not change.",
            ("EpochTogetherTests", "a reader that loops over the catalog never sees two tables of an epoch apart"),
            ("CommitTests", "a crash at any step leaves the old or the new table"),
            ("MixedTableModelTests", "scan and replay agree with a dictionary at every snapshot")
        ),
        ReadmeClaim(
            "A joined row never shows an older state of its dimension than was visible when the row was read.",
            ("LiveJoinTests", "a row finds the dimension as it was visible before it came")
        ),
        ReadmeClaim(
            "`weir read` gives every change of a table once.",
            ("ExampleTopologyTests", "changes are read once while a run follows the log and the table is optimized"),
            ("LogStoreRunTests", "a reader that lives through crashes ends with the table")
        ),
        ReadmeClaim(
            "rows that other engines write to the base store are not among the changes.",
            ("ForeignHistoryTests", "keys that another engine brings to base under a run have one row")
        ),
        ReadmeClaim(
            "Weir's files carry checksums, which are verified at every read.",
            ("FlippedWarehouseTests", "a flipped bit is told, or changes nothing")
        ),
        ReadmeClaim(
            """
            A file whose checksum is wrong, or metadata that was edited by hand, ends the command with an error that names \
            the file.
            """,
            ("BinaryTests", "damaged files are named"),
            ("BinaryTests", "damage in the log is told, not taken for its end")
        ),
        ReadmeClaim(
            "A record that cannot be taken in becomes a [dead letter](docs/dead-letters.md) and the run goes on.",
            ("BinaryTests", "undecodable records are counted, kept and named")
        ),
        ReadmeClaim(
            """
            *Limit:* whole numbers in a time column end it if their values do not tell what they count, since a guess would \
            store wrong times; `debezium-json.timestamp-unit` or `debezium-json.time-unit` [tells](docs/kafka.md).
            """,
            (
                "KeptUnitsTests",
                "a column whose values do not tell ends the first run before a row, and goes on when told"
            ),
            ("KeptUnitsTests", "a long run stops at the first value of another unit, with everything before it")
        ),
        ReadmeClaim(
            "If a broker has deleted records that were not read yet, the run stops",
            ("KafkaBinaryTests", "records that are gone before they were read end the run, or are passed over")
        ),
        ReadmeClaim(
            "A second run of the same topology on the same warehouse is refused",
            ("BinaryTests", "a run follows the log, is alone, and ends well when told to"),
            ("KafkaFaultTests", "processes that come and go share the partitions")
        ),
        ReadmeClaim(
            "What PyIceberg and DuckDB read is what `weir scan` shows at that commit.",
            ("BasePeerTests", "what they read is the table as of one commit, and newer each time"),
            ("EngineTests", "other engines read the same rows after changes were moved into base")
        ),
        ReadmeClaim(
            """
            They are behind it by the time that moving its changes into base takes; a busy run falls behind rather than \
            commit later, says so, and catches up.
            """,
            ("BaseRefreshTests", "base alone equals the oracle at every quiet moment"),
            ("RunStatusTests", "it says which base is behind, once it is by much")
        ),
        ReadmeClaim(
            "A run then moves its changes into base, as new files and position deletes",
            ("MaterializeTests", "an update is one row more and one position delete")
        ),
        ReadmeClaim(
            "Weir's own readers merge both stores and see the newest commit.",
            ("MixedTableModelTests", "scan and replay agree with a dictionary at every snapshot")
        ),
        ReadmeClaim(
            "read the base store; PyIceberg also appends to it and deletes from it",
            ("ForeignHistoryTests", "keys that another engine brings to base under a run have one row"),
            ("EngineTests", "other engines read the same rows after a full optimize")
        ),
        ReadmeClaim(
            "scans and change reading of versions 1 to 3",
            ("ForeignTableTests", "a version 1 table reads with sequence number 0 and is not written"),
            ("ForeignTableTests", "Spark's deletion vectors are found by data file"),
            ("ForeignHistoryTests", "changes of tables of version 1, and of upgraded ones, are all there")
        ),
        ReadmeClaim(
            "`weir run` shows its progress on standard error",
            ("RunStatusTests", "elsewhere than on a terminal there is a line a minute, and one when it has caught up"),
            (
                "RunStatusTests",
                "on a terminal the line is drawn every two seconds and nothing else stays but generations"
            )
        ),
        ReadmeClaim(
            "`--snapshot` takes the id of a snapshot, or the name of a branch or tag.",
            ("SnapshotNameTests", "a tag is read with its rows and columns, a branch with the columns of now")
        ),
        ReadmeClaim(
            "A store keeps its last 200 snapshots, of twelve hours at most, for `--snapshot` and `--as-of`; "
                + "`snapshot.keep.max-count` and a tag keep more, and [reading changes](docs/operating.md#snapshots) needs "
                + "none.",
            ("SnapshotExpiryTests", "age, the least and the greatest number decide"),
            ("SnapshotExpiryTests", "branches and tags keep theirs until they are too old themselves"),
            ("ExpiringTableTests", "changes are read from snapshots' times that have expired, and rows are not")
        ),
        ReadmeClaim(
            "SIGINT, SIGTERM and SIGHUP end it after a last commit.",
            ("BinaryTests", "a run follows the log, is alone, and ends well when told to"),
            ("EndOfRunTests", "SIGHUP ends a run as SIGTERM does")
        ),
        ReadmeClaim(
            "`weir table drop` refuses a table that a running topology works with, unless `--force` is given.",
            ("HeldTableTests", "a table that a run works with is dropped by force alone, and the run says so")
        ),
        ReadmeClaim(
            "a position that was changed there is refused if it is not right behind the last record that the table took.",
            (
                "NeighbourRunTests",
                "a position that is not right behind the last record stops a run, and nothing is lost or repeated"
            )
        ),
        ReadmeClaim(
            "JSON with and without schema blocks",
            ("CapturedStreamTests", "folds a captured stream to the rows of the database")
        ),
        ReadmeClaim(
            "it names the process that holds the write lock",
            ("CatalogSessionTests", "a reader's session stops no commit, a writer's is waited for by name")
        ),
        ReadmeClaim(
            "the last commit is finished first",
            ("BinaryTests", "a run follows the log, is alone, and ends well when told to")
        ),
    ]

    /// Sentences of the guarantees that describe the environment of Weir.
    static let untestable = [
        "The source must deliver each change once: Debezium itself may repeat records after a crash",
        "all records of a key must be in one partition.",
        "a reader that asks the catalog for one table after another may see a commit in between.",
    ]
}
