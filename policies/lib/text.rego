# METADATA
# title: Texts that people wrote
package modelgate.lib.text

# Number of words.
words(text) := count([word | some word in regex.split(`\s+`, text); word != ""])
