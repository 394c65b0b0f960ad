import Bytes
import Columnar
import Expressions
import Testing

@Suite struct ProjectionTests {
    private let orders = Schema([
        Field(id: 1, name: "order_id", type: .long, isRequired: true), Field(id: 2, name: "customer_id", type: .long),
        Field(id: 3, name: "amount", type: .decimal(precision: 12, scale: 2), doc: "net"),
    ])
    private let customers = Schema([
        Field(id: 1, name: "id", type: .long, isRequired: true), Field(id: 2, name: "name", type: .string),
        Field(id: 3, name: "amount", type: .long),
    ])

    private func complaint(_ text: String) -> String {
        do {
            _ = try Projection.parse(text).bind(to: orders)
            return "nothing"
        } catch { return "\(error)" }
    }

    @Test func `expands the star and names its columns`() throws {
        let bound = try Projection.parse("*, CAST(amount * 100 AS BIGINT) AS amount_cents, order_id \"the id\"").bind(
            to: orders
        )
        #expect(bound.schema.fields.map(\.name) == ["order_id", "customer_id", "amount", "amount_cents", "the id"])
        #expect(bound.schema.fields.map(\.id) == [1, 2, 3, 4, 5])
        #expect(bound.schema.fields.map(\.isRequired) == [true, false, false, false, true])
        #expect(bound.schema.fields[2].doc == "net")
        #expect(bound.source(of: "the id") == 0 && bound.source(of: "amount_cents") == nil)
        let rows = batch(
            [("order_id", .long), ("customer_id", .long), ("amount", .decimal(precision: 12, scale: 2))],
            [[.long(1), .null, .decimal(1234, scale: 2)], [.long(2), .long(3), .null]]
        )
        let (result, failures) = try bound.evaluate(rows)
        #expect(failures.isEmpty)
        #expect(result.schema == bound.schema)
        #expect(result.columns[3].scalar(0) == .long(1234) && result.columns[3].scalar(1) == .null)
        #expect(result.columns[0].values === rows.columns[0].values, "a plain column is shared, not copied")
    }

    @Test func `reports each failed row once`() throws {
        let rows = batch(
            [("order_id", .long), ("customer_id", .long), ("amount", .decimal(precision: 12, scale: 2))],
            [[.long(0), .long(0), .null], [.long(1), .long(1), .null], [.long(0), .long(1), .null]]
        )
        let bound = try Projection.parse("order_id, 1 / order_id AS a, 1 / customer_id AS b").bind(to: orders)
        let failures = try bound.evaluate(rows).failures
        #expect(failures.map(\.row) == [0, 2])
        #expect(failures[0].reason == "1 / order_id: division by zero: 1 / 0")
    }

    @Test(arguments: [
        (
            "*, amount",
            "column 'amount' appears twice at position 4; give one of them another name with AS, or list columns instead of *"
        ),
        ("order_id, amount * 2", "the expression amount * 2 needs a name at position 11; write amount * 2 AS name"),
        ("order_id,", "expected a value, found the end at position 10"),
        ("order_id amount", "expected ',' or the end, found 'amount' at position 10"),
        ("order_id, ammount AS a", "unknown column 'ammount' at position 11; did you mean 'amount'?"),
        ("c.*", "unknown table 'c' at position 1"),
    ])
    func `explains what is wrong`(text: String, message: String) {
        #expect(complaint(text) == message)
    }

    @Test func `writes into a table's own schema`() throws {
        let bound = try Projection.parse("order_id, amount").bind(to: orders)
        let own = Schema([
            Field(id: 7, name: "order_id", type: .long, isRequired: true),
            Field(id: 9, name: "amount", type: .decimal(precision: 12, scale: 2)),
        ])
        #expect(try bound.writing(to: own).schema == own)
        #expect(throws: WeirError.self) { try bound.writing(to: customers) }
    }

    @Test func `selects over both sides of a join`() throws {
        let scope = Scope([.init(names: ["orders"], schema: orders), .init(names: ["c"], schema: customers)])
        let bound = try Projection.parse("orders.*, c.name AS customer, id").bind(to: scope)
        #expect(bound.schema.fields.map(\.name) == ["order_id", "customer_id", "amount", "customer", "id"])
        #expect(
            throws: ExpressionError(
                "column 'amount' is ambiguous",
                position: 1,
                advice: "write orders.amount or c.amount"
            )
        ) {
            try Projection.parse("amount").bind(to: scope)
        }
        // Field ids repeat in a joined batch, so indices decide.
        let row: [Scalar] = [.long(1), .long(2), .decimal(3, scale: 2), .long(2), .string("Ada"), .long(4)]
        let rows = batch(scope.schema.fields.map { ($0.name, $0.type) }, [row])
        let joined = ColumnBatch(schema: scope.schema, columns: rows.columns, count: 1)
        let result = try bound.evaluate(joined).batch
        #expect(
            result.columns.map { $0.scalar(0) } == [
                .long(1), .long(2), .decimal(3, scale: 2), .string("Ada"), .long(2),
            ]
        )
    }

    @Test func `reads pairs of a join condition`() throws {
        let left = Scope.Relation(names: ["orders"], schema: orders)
        let right = Scope.Relation(names: ["c"], schema: customers)
        let pairs = try JoinCondition.parse("c.id = customer_id AND order_id = id").pairs(left: left, right: right)
        #expect(pairs.map(\.left) == [1, 0] && pairs.map(\.right) == [0, 0])
        for (text, message) in [
            (
                "customer_id = 1",
                "a join condition is made of equalities between columns, joined by AND at position 1; write it as in customer_id = c.id"
            ),
            (
                "customer_id = c.id OR TRUE",
                "a join condition is made of equalities between columns, joined by AND at position 1; write it as in customer_id = c.id"
            ),
            (
                "order_id = customer_id",
                "order_id and customer_id belong to the same table at position 1; compare a column of each side"
            ),
            ("customer_id = c.amout", "unknown column 'c.amout' at position 15; did you mean 'amount'?"),
            (
                "orders.amount = c.id",
                "'amount' is a decimal(12,2), but 'id' is a long at position 1; give both the same type, in a projection of orders for example"
            ),
        ] {
            do {
                _ = try JoinCondition.parse(text).pairs(left: left, right: right)
                Issue.record("no error for \(text)")
            } catch { #expect("\(error)" == message) }
        }
    }
}
