/// The demo's topology, as a file that the user can read, change and run again.
enum DemoTopology {
    static let name = "shop"
    static let tables = ["customers", "orders", "orders_enriched"]

    static func text(warehouse: String, command: String) -> String {
        """
        # The demo's shop: customers and orders from change events, and orders completed by their customer.
        #
        #   weir check \(command)
        #   weir run \(command) --until-caught-up
        name: \(name)
        pipeline: { commit.interval: 10s }

        source:
          - name: shop-cdc
            type: file-log
            topics: [shop.public.customers, shop.public.orders]
            format: debezium-json
            scan.startup.mode: earliest-offset

        tables:
          - name: shop.customers
            columns: { id: long, name: string, country: string, tier: string }
            primary-key: [id]
          - name: shop.orders
            columns:
              order_id: long
              customer_id: long
              status: string
              amount: decimal(12,2)
              created_at: timestamptz
              note: string
            primary-key: [order_id]
            partition-by: [day(created_at)]

        route:
          - { source-table: shop.public.(.*), sink-table: shop.$1 }

        join:
          - name: shop.orders_enriched
            from: shop.orders
            lookup: shop.customers
            as: c
            on: customer_id = c.id
            type: left
            select: "order_id, amount, status, c.name AS customer, c.country"
            primary-key: [order_id]

        sink: { type: mixed-iceberg, warehouse: "\(warehouse)" }

        """
    }
}
