#include "parsers/json_body.h"

#include <type_traits>

#include "parsers/scan.h"

namespace lastseen {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
constexpr uint32_t kEnd = ~uint32_t{0};  // no unit: the body ends here

bool is_blank(uint32_t code) {
  return code <= ' ' && (code == ' ' || code == '\t' || code == '\n' || code == '\r');
}

bool is_digit_unit(uint32_t code) {
  return code >= '0' && code <= '9';
}

/// Whether a number or a word may begin so; not as an escape, which is never seen.
bool begins_bare(char c) {
  return is_digit(c) || c == '-' || c == 't' || c == 'f' || c == 'n';
}

}  // namespace

void OpenContainers::push(bool object) {
  if (word_ >= kFull) {
    deep_.push_back(word_);
    word_ = kNone;
  }
  word_ = word_ << 1 | (object ? 1 : 0);
}

void OpenContainers::pop() {
  word_ >>= 1;
  if (word_ != kNone || deep_.empty()) return;
  word_ = deep_.back();
  deep_.pop_back();
}

void OpenContainers::clear() {
  word_ = kNone;
  deep_.clear();
}

/// A push-down automaton over the units of one layer.
template <class Layer>
class BodyReader {
 public:
  /// Null: only a number is read.
  BodyReader(const LoggedText& body, BodyFinder* finder)
      : p_(body.raw.data()),
        end_(p_ + body.raw.size()),
        other_escapes_(body.other_escapes),
        finder_(finder) {}

  [[gnu::always_inline]] BodyId find() {
    finder_->open_.clear();
    skip_byte_order_mark();
    uint64_t before = context();
    for (Place* place = finder_->shape_.first();;) {
      const BodyJoint* joint = place->recall(before, p_, end_);
      if (joint != nullptr && fits(*joint)) {
        ++place;
        p_ += joint->size;
      } else {
        if (before != 0) finder_->open_.set(before >> 1);
        joint = read_joint(place);
        if (joint == nullptr) return {};
        place = finder_->shape_.behind(place);
      }
      if (joint->wanted) break;
      before = context_of(joint->open);
      const Token value = joint->quoted ? skip_string() : skip_bare(peek());
      if (value != Token::kGood) return {};
    }
    const BodyId id = read_id();
    if (id.kind != BodyId::Kind::kText && id.kind != BodyId::Kind::kNumber) return id;
    return is_ndjson() ? BodyId{} : id;
  }

  /// Whether all of the text is one number.
  bool reads_as_number() { return skip_number() == Token::kGood && p_ == end_; }

 private:
  using Place = Shape<BodyJoint>::Place;
  static constexpr bool kEscaped = std::is_same_v<Layer, BackslashLayer>;

  enum class Expect { kBody, kKeyOrClose, kKey, kValueOrClose, kValue, kCommaOrClose };

  /// How reading one token went.
  enum class Token { kGood, kBad, kCut };

  Unit peek() const { return p_ < end_ ? Layer::read(p_, end_) : Unit{kEnd, p_, false}; }

  /// The log may hold its bytes as escapes.
  void skip_byte_order_mark() {
    const char* p = p_;
    for (const char byte : kByteOrderMark) {
      if (p == end_) return;
      const Unit unit = Layer::read(p, end_);
      if (unit.code_point || unit.code != static_cast<unsigned char>(byte)) return;
      p = unit.next;
    }
    p_ = p;
  }

  /// Gives the unit behind the blanks, which is the next to be read.
  Unit skip_blanks() {
    Unit unit = peek();
    for (; is_blank(unit.code); unit = peek()) p_ = unit.next;
    return unit;
  }

  /// All that the meaning of a joint depends on; 0: too many containers are open.
  static uint64_t context_of(uint64_t open) {
    return open == 0 ? 0 : open << 1 | (kEscaped ? 1 : 0);
  }
  uint64_t context() const { return context_of(finder_->open_.word()); }

  /// Whether the joint, whose text stands here, is one here too: where a number stood behind it
  /// there may be a bracket or a quote, which would belong to it.
  bool fits(const BodyJoint& joint) const {
    if (joint.quoted || joint.wanted) return true;
    const char* const behind = p_ + joint.size;
    return behind != end_ && begins_bare(*behind);
  }

  /// From behind a value, or from the body's beginning, to the next value that is no container.
  /// Null: none follows, or this is not JSON.
  const BodyJoint* read_joint(Place* place) {
    OpenContainers& open = finder_->open_;
    const char* const begin = p_;
    const uint64_t before = context();
    BodyJoint joint;
    for (Expect expect = open.none() ? Expect::kBody : Expect::kCommaOrClose;;) {
      const Unit unit = skip_blanks();
      switch (expect) {
        case Expect::kKeyOrClose:
          if (unit.code == '}') break;
          [[fallthrough]];
        case Expect::kKey:
          if (unit.code != '"' || !read_key(unit.next, &joint.wanted)) return nullptr;
          if (joint.wanted) return keep_joint(place, before, begin, joint);
          expect = Expect::kValue;
          continue;
        case Expect::kBody:
          if (unit.code != '{') return nullptr;
          [[fallthrough]];
        case Expect::kValueOrClose:
          if (unit.code == ']') break;
          [[fallthrough]];
        case Expect::kValue:
          if (unit.code == '{' || unit.code == '[') {
            open.push(unit.code == '{');
            p_ = unit.next;
            expect = unit.code == '{' ? Expect::kKeyOrClose : Expect::kValueOrClose;
            continue;
          }
          joint.quoted = unit.code == '"';
          if (joint.quoted) p_ = unit.next;
          return keep_joint(place, before, begin, joint);
        case Expect::kCommaOrClose:
          if (unit.code != ',') break;
          p_ = unit.next;
          expect = open.in_object() ? Expect::kKey : Expect::kValue;
          continue;
      }
      // What is left is a closing bracket, of the kind that was opened.
      if (unit.code != (open.in_object() ? '}' : ']')) return nullptr;
      open.pop();
      if (open.none()) return nullptr;
      p_ = unit.next;
      expect = Expect::kCommaOrClose;
    }
  }

  const BodyJoint* keep_joint(Place* place, uint64_t before, const char* begin,
                              const BodyJoint& joint) {
    finder_->joint_ = joint;
    finder_->joint_.open = finder_->open_.word();
    finder_->joint_.size = static_cast<uint32_t>(p_ - begin);
    if (before != 0 && finder_->joint_.open != 0)
      finder_->shape_.remember(place, before, begin, finder_->joint_);
    return &finder_->joint_;
  }

  /// Reads a key, from behind its opening quote, and the colon. False: this is not JSON.
  bool read_key(const char* begin, bool* wanted) {
    p_ = begin;
    if (skip_string() != Token::kGood) return false;
    const std::string_view key = text_before_quote(begin);
    if (finder_->open_.only_one()) {
      const std::string_view name = finder_->name_;
      *wanted = key == name || (key.size() > name.size() && key.find('\\') != key.npos &&
                                key_unescaped(key) == name);
    }
    const Unit colon = skip_blanks();
    p_ = colon.next;
    return colon.code == ':';
  }

  std::string_view key_unescaped(std::string_view key) {
    if constexpr (kEscaped) {
      unescape_backslashes(key, &finder_->layer_off_);
      key = finder_->layer_off_;
    }
    unescape_backslashes(key, &finder_->key_);
    return finder_->key_;
  }

  /// The value of the key that was looked for.
  [[gnu::always_inline]] BodyId read_id() {
    const Unit first = skip_blanks();
    if (first.code == kEnd) return {BodyId::Kind::kTruncated};
    const char* begin = p_;
    if (first.code == '"') {
      begin = p_ = first.next;
      const Token token = skip_string();
      if (token == Token::kCut) return {BodyId::Kind::kTruncated};
      if (token == Token::kBad) return {};
      return {BodyId::Kind::kText, static_cast<uint32_t>(quote_ - begin), begin};
    }
    if (first.code != '-' && !is_digit_unit(first.code)) return {};
    const Token token = skip_number();
    if (token == Token::kBad) return {};
    const uint32_t after = peek().code;
    if (token == Token::kCut || after == kEnd) return {BodyId::Kind::kTruncated};
    if (after != ',' && after != '}' && !is_blank(after)) return {};
    return {BodyId::Kind::kNumber, static_cast<uint32_t>(p_ - begin), begin};
  }

  /// The string that skip_string() has just read, without its closing quote.
  std::string_view text_before_quote(const char* begin) const { return {begin, quote_}; }

  /// From behind the opening quote to behind the closing one, which is mostly seen at a glance.
  [[gnu::always_inline]] Token skip_string() {
    constexpr std::string_view kQuote = kEscaped ? "\\\"" : "\"";
    constexpr std::string_view kHexQuote = "\\x22";  // nginx's default
    if (end_ - p_ >= static_cast<ptrdiff_t>(kPlainMax + kHexQuote.size())) {
      const char* const special = p_ + count_plain(p_);
      if (std::memcmp(special, kQuote.data(), kQuote.size()) == 0) {
        quote_ = special;
        p_ = special + kQuote.size();
        return Token::kGood;
      }
      if (kEscaped && std::memcmp(special, kHexQuote.data(), kHexQuote.size()) == 0) {
        quote_ = special;
        p_ = special + kHexQuote.size();
        return Token::kGood;
      }
    }
    return skip_any_string();
  }

  Token skip_any_string() {
    for (;;) {
      p_ = find_special(p_, end_);
      if (p_ == end_) return Token::kCut;
      const Unit unit = Layer::read(p_, end_);
      if (unit.code == '"') {
        quote_ = p_;
        p_ = unit.next;
        return Token::kGood;
      }
      if (unit.code < 0x20) return Token::kBad;
      p_ = unit.next;
      if (unit.code != '\\') continue;
      const Token escape = skip_json_escape();
      if (escape != Token::kGood) return escape;
    }
  }

  /// What follows the backslash of an escape that is JSON's own.
  Token skip_json_escape() {
    Unit unit = peek();
    if (unit.code == kEnd) return Token::kCut;
    p_ = unit.next;
    if (unit.code != 'u') {
      return unit.code < 0x80 &&
                     std::string_view("\"\\/bfnrt").find(static_cast<char>(unit.code)) !=
                         std::string_view::npos
                 ? Token::kGood
                 : Token::kBad;
    }
    for (int i = 0; i < 4; ++i) {
      unit = peek();
      if (unit.code == kEnd) return Token::kCut;
      if (unit.code >= 0x80 || hex_digit(static_cast<char>(unit.code)) < 0) return Token::kBad;
      p_ = unit.next;
    }
    return Token::kGood;
  }

  /// A value that begins with neither a quote nor a bracket.
  Token skip_bare(const Unit& first) {
    switch (first.code) {
      case 't':
        return skip_word("true");
      case 'f':
        return skip_word("false");
      case 'n':
        return skip_word("null");
      default:
        return skip_number();
    }
  }

  Token skip_word(std::string_view word) {
    for (const char letter : word) {
      const Unit unit = peek();
      if (unit.code != static_cast<unsigned char>(letter)) return Token::kBad;
      p_ = unit.next;
    }
    return Token::kGood;
  }

  /// A number as RFC 8259 §6 has it. Cut when the body ends where a digit is missing.
  Token skip_number() {
    accept('-');
    if (!accept('0')) {
      if (const Token digits = skip_digits(); digits != Token::kGood) return digits;
    }
    if (accept('.')) {
      if (const Token digits = skip_digits(); digits != Token::kGood) return digits;
    }
    if (accept('e') || accept('E')) {
      if (!accept('+')) accept('-');
      return skip_digits();
    }
    return Token::kGood;
  }

  bool accept(char wanted) {
    if (p_ < end_ && *p_ != '\\' && *p_ != wanted) return false;  // nearly always
    const Unit unit = peek();
    if (unit.code != static_cast<unsigned char>(wanted)) return false;
    p_ = unit.next;
    return true;
  }

  /// One digit or more.
  Token skip_digits() {
    const char* const begin = p_;
    for (;;) {
      while (p_ < end_ && is_digit(*p_)) ++p_;
      const Unit unit = peek();  // a digit may be written as an escape
      if (!is_digit_unit(unit.code)) {
        if (p_ != begin) return Token::kGood;
        return unit.code == kEnd ? Token::kCut : Token::kBad;
      }
      p_ = unit.next;
    }
  }

  /// From behind the id's value: whether `}`, a line break and `{` follow each other somewhere.
  bool is_ndjson() {
    // Within a layer of escapes a line break is one of the other escapes.
    if (kEscaped && (!other_escapes_ || !may_hold_line_break(p_, end_))) return false;
    // A brace written as an escape is legal and never seen; then every unit has to be looked at.
    const bool braces_escaped = kEscaped && has_escaped_brace();
    while (p_ < end_) {
      if (!braces_escaped) p_ = find_byte(p_, end_, '}');
      Unit unit = peek();
      p_ = unit.next;
      if (unit.code != '}') continue;
      bool line_break = false;
      for (unit = peek(); is_blank(unit.code); unit = peek()) {
        line_break |= unit.code == '\n' || unit.code == '\r';
        p_ = unit.next;
      }
      if (line_break && unit.code == '{') return true;
    }
    return false;
  }

  /// Whether the rest of the body may hold `\u007d` or `\x7d`. May say yes for nothing.
  bool has_escaped_brace() const {
    const std::string_view rest(p_, end_);
    return rest.find("7d") != rest.npos || rest.find("7D") != rest.npos;
  }

  const char* p_;
  const char* const end_;
  const char* quote_ = nullptr;  // the closing quote of the string that was read last
  const bool other_escapes_;
  BodyFinder* const finder_;
};

BodyId BodyFinder::find(const LoggedText& body) {
  if (body.escaped) return BodyReader<BackslashLayer>(body, this).find();
  return BodyReader<PlainLayer>(body, this).find();
}

bool is_json_number(std::string_view text) {
  return BodyReader<PlainLayer>({text}, nullptr).reads_as_number();
}

}  // namespace lastseen
