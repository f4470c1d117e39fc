"""Joins the graph to the ports: root queries, edges, entities. Vendors and HTTP are unknown here."""
