-- wrk sends the next request of a connection so many milliseconds after the last answer.
local milliseconds = 0
function init(arguments)
  milliseconds = tonumber(arguments[1]) or 0
end
function delay()
  return milliseconds
end
local bodies = {}
for k = 0, 399 do
  bodies[k] = string.format('{"client_id":"LOAD_%d","records":[{"client_id":"decoy"}]}', k)
end
local number = 0
function request()
  number = number + 1
  return wrk.format("POST", "/items", {["Content-Type"] = "application/json"},
                    bodies[number % 400])
end
function done(summary, latency, requests)
  io.write(string.format("{\"requests\": %d, \"seconds\": %.3f, \"p50\": %.1f, \"p99\": %.1f}\n",
                         summary.requests, summary.duration / 1e6, latency:percentile(50),
                         latency:percentile(99)))
end
