from django import template

from briefings.history import name_person

register = template.Library()
register.filter("name_person", name_person)
