// What `doctor` finds in the configurations of logrotate and nginx, as far as it may read them.
#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "base/log.h"
#include "doctor.h"
#include "proxy_text.h"
#include "source/discovery.h"

namespace lastseen {

namespace {

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// What cannot be listed is as if it were not there: it is nothing of the agent's.
std::vector<std::string> paths_like(const Surroundings& around, const std::string& pattern) {
  auto paths = around.files.glob(around.etc + pattern);
  return paths ? std::move(*paths) : std::vector<std::string>();
}

// A path of ours against one of theirs; each may be a pattern.
bool same_log(const std::string& ours, const std::string& theirs) {
  return ours == theirs || matches_glob(theirs, ours) || matches_glob(ours, theirs);
}

NginxFacts nginx_facts(const Surroundings& around) {
  NginxFacts facts;
  for (const char* pattern : {"/nginx/nginx.conf", "/nginx/conf.d/*.conf", "/nginx/sites-enabled/*",
                              "/nginx/snippets/*.conf"})
    for (const std::string& path : paths_like(around, pattern)) read_nginx(text_of(path), facts);
  return facts;
}

void look_at_format(const InputSettings& input, const NginxLog& log, const NginxFacts& facts,
                    Findings& findings) {
  const auto format = facts.formats.find(log.format);
  if (format == facts.formats.end()) return;  // combined, or in a file that was not read
  const std::string where =
      "input '" + input.name + "': nginx writes it in log_format " + escape_for_log(log.format);
  if (input.parser.type == "json" && !format->second.escapes_json)
    findings.push_back({"nginx-escape", where + " without escape=json: a quote in a body or a "
                                                "header breaks the line; add escape=json"});
  if (!facts.body_buffer_set && format->second.text.find("$request_body") != std::string::npos)
    findings.push_back(
        {"nginx-body-buffer",
         where +
             " with $request_body, which is empty for a body larger than "
             "client_body_buffer_size (16k, 8k on 32 bits); set that to what your clients send"});
}

}  // namespace

void look_at_logrotate(const Surroundings& around, Findings& findings) {
  bool truncates = false;
  std::vector<std::string> truncated =
      truncated_by_logrotate(text_of(around.etc + "/logrotate.conf"), &truncates);
  for (const std::string& path : paths_like(around, "/logrotate.d/*")) {
    bool setting = truncates;  // of each file its own
    for (std::string& pattern : truncated_by_logrotate(text_of(path), &setting))
      truncated.push_back(std::move(pattern));
  }
  for (const InputSettings& input : around.config.inputs) {
    if (input.type != "file") continue;
    for (const std::string& pattern : truncated) {
      if (!same_log(input.path, pattern)) continue;
      findings.push_back({"log-copytruncate",
                          "input '" + input.name + "': logrotate copies and truncates " +
                              escape_for_log(pattern) +
                              ": what is written in between is lost to every reader; use create "
                              "and let postrotate send the proxy USR1"});
    }
  }
}

void look_at_nginx(const Surroundings& around, Findings& findings) {
  const NginxFacts facts = nginx_facts(around);
  for (const InputSettings& input : around.config.inputs) {
    if (input.type != "file") continue;
    for (const NginxLog& log : facts.logs) {
      if (!same_log(input.path, log.path)) continue;
      look_at_format(input, log, facts, findings);
      if (log.buffered)
        findings.push_back({"nginx-buffered",
                            "input '" + input.name + "': nginx buffers " +
                                escape_for_log(log.path) +
                                ": lines come as late as its flush= allows, without one when the "
                                "buffer is full"});
    }
  }
}

}  // namespace lastseen
