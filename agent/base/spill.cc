#include "base/spill.h"

#include <cstring>
#include <type_traits>

namespace lastseen {

namespace {

constexpr std::string_view kSpillMagic = "lastseen spill 2\n";
constexpr std::string_view kSpillMagicWithoutStore = "lastseen spill 1\n";
static_assert(kSpillMagic.size() == kSpillMagicWithoutStore.size());
constexpr std::string_view kSpillMagicOfAnyVersion = "lastseen spill ";

// The least that an entry, a counter, an input and a part take: a count beyond what the bytes could
// hold is a lie, and must not be allocated for.
constexpr size_t kEntryBytesMin = 28;
constexpr size_t kCounterBytesMin = 12;
constexpr size_t kInputBytesMin = 16;
constexpr size_t kPartBytesMin = 16;

uint64_t checksum(std::string_view bytes) {
  uint64_t hash = 0xcbf29ce484222325;  // FNV-1a's offset basis and prime for 64 bits
  for (const char byte : bytes) hash = (hash ^ static_cast<uint8_t>(byte)) * 0x100000001b3;
  return hash;
}

template <typename Number>
void put(std::string& out, Number value) {
  const auto bits = static_cast<std::make_unsigned_t<Number>>(value);
  char bytes[sizeof bits];
  for (size_t i = 0; i < sizeof bits; ++i) bytes[i] = static_cast<char>(bits >> (8 * i) & 0xff);
  out.append(bytes, sizeof bytes);
}

void put_text(std::string& out, std::string_view text) {
  put(out, static_cast<uint32_t>(text.size()));
  out += text;
}

// Takes values from the front; once something is missing, everything that follows is, too.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  template <typename Number>
  Number take() {
    const std::string_view bytes = take_bytes(sizeof(Number));
    std::make_unsigned_t<Number> bits = 0;
    for (size_t i = 0; i < bytes.size(); ++i)
      bits |= static_cast<std::make_unsigned_t<Number>>(static_cast<uint8_t>(bytes[i])) << (8 * i);
    return static_cast<Number>(bits);
  }
  std::string_view take_text() { return take_bytes(take<uint32_t>()); }
  // How many things of at least so many bytes follow.
  template <typename Number>
  uint64_t take_count(size_t bytes_min) {
    const uint64_t count = take<Number>();
    if (count > rest_.size() / bytes_min) good_ = false;
    return good_ ? count : 0;
  }
  bool good() const { return good_; }
  bool at_end() const { return good_ && rest_.empty(); }
  std::string_view take_bytes(uint64_t count) {
    if (!good_ || count > rest_.size()) {
      good_ = false;
      return {};
    }
    const std::string_view bytes = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return bytes;
  }

 private:
  std::string_view rest_;
  bool good_ = true;
};

Status broken(const std::string& why) {
  return Status::reject(why);
}

// Adds without wrapping; false when it would.
bool add(uint64_t& sum, uint64_t value) {
  return !__builtin_add_overflow(sum, value, &sum);
}

bool balances(const SpilledInput& input) {
  uint64_t lines = 0;
  for (const Entry& entry : input.entries)
    if (entry.count == 0 || entry.first_seen_ms > entry.last_seen_ms || !add(lines, entry.count))
      return false;
  for (const uint64_t skipped : input.counts.skipped)
    if (!add(lines, skipped)) return false;
  for (const uint64_t lost : input.counts.lost)
    if (!add(lines, lost)) return false;
  return input.counts.committed == 0 && input.counts.quarantined == 0 &&
         lines == input.counts.lines_read;
}

SpilledInput take_input(Reader& reader) {
  SpilledInput input;
  input.name = reader.take_text();
  for (uint64_t left = reader.take_count<uint32_t>(kCounterBytesMin); left > 0; --left) {
    const std::string_view name = reader.take_text();
    const uint64_t value = reader.take<uint64_t>();
    input.counts.set(name, value);  // one that is not known makes the input unbalanced, or is none
  }
  const uint64_t entries = reader.take_count<uint64_t>(kEntryBytesMin);
  input.entries.reserve(entries);
  for (uint64_t left = entries; left > 0; --left) {
    Entry& entry = input.entries.emplace_back();
    entry.client_id = reader.take_text();
    entry.first_seen_ms = reader.take<int64_t>();
    entry.last_seen_ms = reader.take<int64_t>();
    entry.count = reader.take<uint64_t>();
  }
  return input;
}

}  // namespace

std::string encode_part(const std::vector<SpilledInput>& inputs) {
  std::string out;
  put(out, static_cast<uint32_t>(inputs.size()));
  for (const SpilledInput& input : inputs) {
    put_text(out, input.name);
    const auto counters = input.counts.to_pairs();
    put(out, static_cast<uint32_t>(counters.size()));
    for (const auto& [name, value] : counters) {
      put_text(out, name);
      put(out, value);
    }
    put(out, static_cast<uint64_t>(input.entries.size()));
    for (const Entry& entry : input.entries) {
      put_text(out, entry.client_id);
      put(out, entry.first_seen_ms);
      put(out, entry.last_seen_ms);
      put(out, entry.count);
    }
  }
  return out;
}

Result<std::vector<SpilledInput>> decode_part(std::string_view bytes) {
  Reader reader(bytes);
  std::vector<SpilledInput> inputs;
  for (uint64_t left = reader.take_count<uint32_t>(kInputBytesMin); left > 0; --left) {
    inputs.push_back(take_input(reader));
    if (!reader.good()) break;
    if (!balances(inputs.back())) return broken("its counts do not add up");
  }
  if (!reader.at_end()) return broken("a part of it has another length than it says");
  return inputs;
}

uint64_t lines_of(const std::vector<SpillPart>& parts) {
  uint64_t lines = 0;
  for (const SpillPart& part : parts)
    if (const auto inputs = decode_part(part.bytes))
      for (const SpilledInput& input : *inputs) lines += input.counts.lines_read;
  return lines;
}

std::string encode_spill(const SpillOwner& owner, const std::vector<const SpillPart*>& parts) {
  std::string body;
  put_text(body, owner.agent_id);
  put_text(body, owner.store);
  put(body, static_cast<uint32_t>(parts.size()));
  for (const SpillPart* part : parts) {
    put(body, part->batch);
    put(body, static_cast<uint64_t>(part->bytes.size()));
    body += part->bytes;
  }
  std::string file(kSpillMagic);
  put(file, checksum(body));
  return file += body;
}

Result<std::vector<SpillPart>> decode_spill(const SpillOwner& owner, std::string_view file) {
  const bool names_store = file.starts_with(kSpillMagic);
  if (!names_store && !file.starts_with(kSpillMagicWithoutStore)) {
    return broken(file.starts_with(kSpillMagicOfAnyVersion) ? "another version of lastseen wrote it"
                                                            : "it is not a spill file");
  }
  const std::string_view sum = file.substr(kSpillMagic.size(), sizeof(uint64_t));
  const std::string_view body = file.substr(kSpillMagic.size() + sum.size());
  if (sum.size() < sizeof(uint64_t) || Reader(sum).take<uint64_t>() != checksum(body))
    return broken("it is torn or was changed: its checksum is another");
  Reader reader(body);
  if (const std::string_view agent_id = reader.take_text(); agent_id != owner.agent_id)
    return broken("it belongs to agent_id '" + std::string(agent_id) + "'");
  const std::string_view store = names_store ? reader.take_text() : owner.store;
  const bool same_store = store == owner.store || (!store.empty() && store == owner.store_formerly);
  std::vector<SpillPart> parts;
  for (uint64_t left = reader.take_count<uint32_t>(kPartBytesMin); left > 0; --left) {
    SpillPart& part = parts.emplace_back();
    const uint64_t batch = reader.take<uint64_t>();
    part.batch = same_store ? batch : 0;
    part.bytes = reader.take_bytes(reader.take<uint64_t>());
    if (!reader.good()) break;
    if (const auto decoded = decode_part(part.bytes); !decoded) return decoded.status();
  }
  if (!reader.at_end()) return broken("it has another length than it says");
  return parts;
}

}  // namespace lastseen
