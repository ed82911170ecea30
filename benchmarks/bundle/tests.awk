# What the tests came to, as JSON, from the log of run-on-gpu-host: JUnit's console writes a line when a test starts
# and when it ends (--details=testfeed), so a process that was killed has told all but its last test. brief=1: one line.

function quoted(text) {
  gsub(/["\\]/, "\\\\&", text)
  gsub(/\t/, " ", text)
  gsub(/\n/, "\\n", text)
  gsub(/[\001-\037]/, " ", text)
  return "\"" text "\""
}

function name(line) {
  sub(/^JUnit Jupiter > /, "", line)
  sub(/ :: [A-Z]+$/, "", line)
  return line
}

function finish() {
  delete running[name($0)]
  inFailure = 0
}

function fail(test, message) {
  failures++
  failed[failures] = test
  messages[failures] = message
}

/^== run / {
  split("", running)
  containers = 0
  next
}

/^== end / {
  inFailure = 0
  split(substr($0, 8), unit, "\t")
  units++
  groups[units] = sprintf("{\"tests\": %s, \"status\": \"%s\", \"seconds\": %s}", quoted(unit[1]), unit[2], unit[4])
  for (test in running) {
    fail(test, unit[2] == "timeout" ? "did not end in the time it had" : "its process ended with status " unit[3])
  }
  if (unit[2] != "ok" && failures == before) {
    if (unit[2] == "timeout" && unit[4] == 0) {
      fail(unit[1], "not run: no time was left")
    } else if (containers) {
      fail(unit[1], "could not be set up; log.txt says why")
    } else {
      fail(unit[1], "its process ended with status " unit[3])
    }
  }
  before = failures
  next
}

/^JUnit Jupiter > .* :: STARTED$/ {
  running[name($0)] = 1
  inFailure = 0
  next
}

/^JUnit Jupiter > .* :: SUCCESSFUL$/ { succeeded++; finish(); next }
/^JUnit Jupiter > .* :: SKIPPED$/ { skipped++; finish(); next }
/^JUnit Jupiter > .* :: ABORTED$/ { skipped++; finish(); next }

/^JUnit Jupiter > .* :: FAILED$/ {
  finish()
  fail(name($0), "")
  inFailure = 1
  next
}

/^\[ +[0-9]+ containers failed +\]$/ { containers = $2 + 0 }

# The message, and not where it was thrown.
/^\t\tat / { inFailure = 0 }
/^\t/ && inFailure && length(messages[failures]) < 1000 {
  messages[failures] = messages[failures] (messages[failures] == "" ? "" : "\n") substr($0, 2)
}

END {
  if (brief) {
    printf "%d tests succeeded, %d failed, %d skipped\n", succeeded, failures, skipped
    exit
  }
  printf "{\"succeeded\": %d, \"failed\": %d, \"skipped\": %d,\n\"groups\": [", succeeded, failures, skipped
  for (i = 1; i <= units; i++) {
    printf "%s\n  %s", (i > 1 ? "," : ""), groups[i]
  }
  printf "],\n\"failures\": ["
  for (i = 1; i <= failures; i++) {
    printf "%s\n  {\"test\": %s, \"message\": %s}", (i > 1 ? "," : ""), quoted(failed[i]), quoted(messages[i])
  }
  print "]}"
}
