// Skips the header that schema registry serializers put in front of keys and values.
#include "Decoder.h"

namespace weir {

bool Decoder::unframe(Slice &text) {
    // Confluent's serializers write a zero byte and the schema id, big-endian. JSON never begins with a zero byte.
    constexpr size_t headerBytes = 5;
    if (text.count < headerBytes || text.base[0] != 0) return true;
    Slice behind{text.base + headerBytes, text.count - headerBytes};
    std::string_view body(reinterpret_cast<const char *>(behind.base), behind.count);
    size_t start = body.find_first_not_of(" \t\r\n");
    bool isJSON = start != body.npos && (body[start] == '{' || body.substr(start, 4) == "null");
    if (isJSON && options_.skips_registry_header) {
        text = behind;
        return true;
    }
    uint32_t id = 0;
    for (size_t i = 1; i < headerBytes; i++) id = id << 8 | text.base[i];
    reason_ = "it begins with a schema registry's header (schema id " + std::to_string(id) + "), with " +
              (isJSON ? "JSON behind it: set debezium-json.schema-registry-header to skip, or have the connector write "
                      : "no JSON behind it, so with Avro or Protobuf, which is not read: have the connector write ") +
              "plain JSON (value.converter and key.converter org.apache.kafka.connect.json.JsonConverter)";
    return false;
}

}  // namespace weir
