# METADATA
# title: Ratings
# description: low, medium and high, in this order. What is none of them is within no limit.
package modelgate.lib.rating

order := {"low": 0, "medium": 1, "high": 2}

within(rating, limit) if order[rating] <= order[limit]

below(rating, limit) if order[rating] < order[limit]
